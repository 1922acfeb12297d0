"""Writes tests/importers/fixtures/ anew with the real SDKs: `python -m tests.importers.real.generate`.

What names this machine (paths in tracebacks) is replaced, nothing else.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
PRODUCERS = ("otel", "openinference", "langsmith", "openai", "anthropic", "inspect", "mcp")


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PRODUCERS:
            producer = import_module(f"tests.importers.real.produce_{name}")
            paths = [producer.produce(Path(folder))]
            if name == "inspect":
                paths.append(producer.produce(Path(folder), "eval"))
            for path in paths:
                if path.suffix == ".eval":
                    shutil.copy(path, FIXTURES / path.name)
                else:
                    text = path.read_text().replace(str(Path.cwd()), "/app").replace(sys.prefix, "/app/venv")
                    text = re.sub(r"/app/\.venvs/[a-z]+", "/app/venv", text)
                    (FIXTURES / path.name).write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
