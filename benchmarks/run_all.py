"""Every figure of the README and the docs: `python -m benchmarks.run_all [--traces FOLDER] [--only NAME ...]`.

Runs each benchmark in a process of its own, keeps what it found in benchmarks/results.json beside the command and the
versions, and prints one table. A benchmark that is not run keeps its last results. `--rewrite` then puts the figures
into the texts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import RECORDED, RESULTS, ROOT, documents, rewrite

TRACES = "TRACES"  # stands for the folder of recorded runs in a command
JSON = "OUT.json"  # stands for the file a command writes


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One command. `seed` is what its figures depend on besides the code and the machine; None if on nothing.

    printed_from: also keep what it prints, from the line that begins so.
    """

    name: str
    command: tuple[str, ...]
    seed: int | None = None
    printed_from: str | None = None

    @property
    def needs_traces(self) -> bool:
        return any(TRACES in word for word in self.command)


def _replay(name: str) -> Benchmark:
    return Benchmark(
        f"replay {name}",
        (
            "speculate", "replay",
            "--train", f"{TRACES}/{name}.train.jsonl.gz", "--test", f"{TRACES}/{name}.dev.jsonl.gz",
            "--manifest", f"{TRACES}/manifests/{name}.toml", "--json", JSON,
        ),
        seed=0,
    )  # fmt: skip


BENCHMARKS = (
    Benchmark("demo", ("speculate", "demo", "--json", JSON), seed=7, printed_from="The same tasks, off and on"),
    Benchmark("overhead", ("python", "-m", "benchmarks.overhead", "--memory-calls", "1000000", "--json", JSON)),
    *(_replay(name) for name in RECORDED),
    Benchmark("import", ("python", "-m", "benchmarks.import_throughput", "--megabytes", "200", "--json", JSON)),
    Benchmark("audit", ("python", "-m", "benchmarks.audit_throughput", "--megabytes", "200", "--json", JSON)),
    Benchmark("prediction", ("python", "-m", "benchmarks.prediction", "--traces", TRACES, "--json", JSON)),
    Benchmark(
        "prediction at scale", ("python", "-m", "benchmarks.prediction.scale", "--traces", TRACES, "--json", JSON)
    ),
    Benchmark("prediction of strangers", ("python", "-m", "benchmarks.prediction.worlds", "--json", JSON), seed=0),
    Benchmark("schedules", ("python", "-m", "benchmarks.plans.scheduling", "--seed", "0", "--json", JSON), seed=0),
    Benchmark("fan-out", ("python", "-m", "benchmarks.plans.overhead", "--json", JSON)),
    # Its own check that the README is current must not stop the run that brings it up to date.
    Benchmark(
        "tests",
        ("python", "-m", "pytest", "-q", "--deselect=tests/test_readme.py::test_every_figure_is_current"),
    ),
)
LIBRARIES = ("speculate-runtime", "pydantic", "cachetools", "prometheus-client")


def run(benchmark: Benchmark, traces: Path | None, scratch: Path) -> dict[str, Any]:
    """Run one and return its entry. Raises SystemExit with its output if it fails."""
    out = scratch / f"{benchmark.name}.json"
    words = [word.replace(TRACES, str(traces)) if TRACES in word else word for word in benchmark.command]
    words = [str(out) if word == JSON else word for word in words]
    runner = {"python": [sys.executable], "speculate": [sys.executable, "-m", "speculate.cli"]}[words[0]]
    began = perf_counter()
    done = subprocess.run(
        [*runner, *words[1:]],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
    )
    missed_its_aim = done.returncode == 1 and out.exists()  # the figures are no less true for that
    if done.returncode != 0 and not missed_its_aim:
        raise SystemExit(f"{benchmark.name} failed:\n{done.stdout}\n{done.stderr}")
    figures = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    figures["closing_line"] = lines[-1]
    if benchmark.printed_from is not None:
        first = next(number for number, line in enumerate(lines) if line.startswith(benchmark.printed_from))
        figures["printed"] = "\n".join(lines[first:])
    return {
        "command": shlex.join(benchmark.command),
        "seed": benchmark.seed,
        "took_s": round(perf_counter() - began, 1),
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in LIBRARIES},
        "figures": figures,
    }


def flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The single values of a result by their path, texts and long lists left out."""
    rows: list[tuple[str, Any]] = []
    for key, value in figures.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}/")
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value):
                rows += flat(item, f"{prefix}{key}/{item.get('what', number)}/")
        elif isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
            rows.append((prefix + key, ", ".join(f"{item:.4g}" for item in value)))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            rows.append((prefix + key, f"{value:,}" if isinstance(value, int) else f"{value:.4g}"))
    return rows


def print_table(results: Mapping[str, Any]) -> None:
    for name, entry in results.items():
        print(f"\n{name}: {entry['command']}  ({entry['took_s']} s, Python {entry['python']}, {entry['machine']})")
        for path, value in flat(entry["figures"]):
            print(f"  {path:<48}{value:>24}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--traces", type=Path, metavar="FOLDER", help="the recorded runs and their manifests/")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[b.name for b in BENCHMARKS])
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="PATH", help="default: benchmarks/results.json")
    parser.add_argument("--rewrite", action="store_true", help="put the figures into README.md and docs/")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is kept")
    args = parser.parse_args(argv)
    results = json.loads(args.json.read_text(encoding="utf-8")) if args.json.exists() else {}
    wanted = [] if args.table else [b for b in BENCHMARKS if args.only is None or b.name in args.only]
    with tempfile.TemporaryDirectory() as scratch:
        for benchmark in wanted:
            if benchmark.needs_traces and args.traces is None:
                print(f"{benchmark.name}: left out, it needs --traces", file=sys.stderr)
                continue
            print(f"{benchmark.name}: {shlex.join(benchmark.command)}", file=sys.stderr)
            results[benchmark.name] = run(benchmark, args.traces, Path(scratch))
            ordered = {b.name: results[b.name] for b in BENCHMARKS if b.name in results}
            args.json.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_table({b.name: results[b.name] for b in BENCHMARKS if b.name in results})
    if args.rewrite:
        for path in documents():
            text = path.read_text(encoding="utf-8")
            if (new := rewrite(text, results)) != text:
                path.write_text(new, encoding="utf-8")
                print(f"rewrote {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
