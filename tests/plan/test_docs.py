"""The code in docs/plans.md runs and says what its comments say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from speculate.plan import read_plan
from speculate.testing import run_virtual

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")


def test_the_pages_code_runs_and_prints_what_it_says(capsys):
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/plans.md", "exec"), names)
    run_virtual(names["fan"]())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "['slow: otters', 'fast: otters']"
    assert lines[1].startswith("['fast: otters'] [\"branch 0, search(engine='slow'")
    assert [line[0] for line in lines[2:]] == ["1", "0"]
    run_virtual(names["plan"]())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "refunded o-1"
    assert len(lines) == 5
    run_virtual(names["planned"]())
    assert capsys.readouterr().out.splitlines() == ["['delivered', 'delivered']", "1 turn, not 4"]


def test_the_pages_file_is_a_plan():
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(read_plan(tomllib.loads(block)).tasks) == 2
