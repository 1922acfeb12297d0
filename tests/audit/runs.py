"""Small recorded runs with a known answer, written as trace v1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass
class Run:
    """Builds one session turn by turn; time goes on as recorded runs' would."""

    id: str
    task: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    now: float = 0.0
    turns: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        self._row(type="session", v=1, task=self.task or self.id)

    def _row(self, **row: Any) -> None:
        self.rows.append({"session": self.id, "at": self.now, **row})

    def user(self, text: str) -> Run:
        self._row(type="user", text=text)
        return self

    def turn(
        self,
        *calls: tuple[str, Mapping[str, Any], Any],
        llm_s: float | None = 0.0,
        tool_s: float | None = 2.0,
        ok: bool = True,
        together: bool = False,
        text: str | None = None,
        tokens_in: int | None = None,
    ) -> Run:
        """One model response with (tool, arguments, result) calls, one after the other or `together`."""
        self._row(type="turn", turn=self.turns, llm_s=llm_s, text=text, tokens_in=tokens_in, tokens_out=None)
        self.now += llm_s or 0.0
        began = self.now
        results = []
        for tool, arguments, result in calls:
            self.calls += 1
            id = f"c{self.calls}"
            self._row(type="call", turn=self.turns, id=id, tool=tool, args=dict(arguments))
            row = {"type": "result", "id": id, "tool_s": tool_s, "ok": ok, "result": result}
            if together:
                results.append(row)
            else:
                self.now += tool_s or 0.0
                self._row(**row)
        if results:
            self.now = began + (tool_s or 0.0)
        for row in results:
            self._row(**row)
        self.turns += 1
        return self

    def end(self) -> list[dict[str, Any]]:
        self._row(type="end")
        return self.rows


def write(path: Path, runs: Iterable[Run]) -> Path:
    """One file of all runs, each ended."""
    path.write_text("".join(json.dumps(row) + "\n" for run in runs for row in run.end()), encoding="utf-8")
    return path


CITIES = ("Lisbon", "Oslo", "Vienna", "Prague", "Dublin", "Athens", "Warsaw", "Zagreb", "Bergen", "Malmo")
WEATHER = """
manifest = 1
[tools.weather]
effect = "read"
reads = ["weather/{city}"]
"""


def five_reads(number: int, llm_s: float = 0.0, together: bool = False) -> Run:
    """Five independent two-second reads: ten seconds one after the other, two at once."""
    cities = [CITIES[(number + step) % len(CITIES)] for step in range(5)]
    run = Run(f"five-{number}").user(f"Compare the weather in {', '.join(cities)}.")
    calls = [("weather", {"city": city}, {"sky": "clear", "city": city, "degrees": 20 + number}) for city in cities]
    if together:
        run.turn(*calls, llm_s=llm_s, together=True)
    else:
        for call in calls:
            run.turn(call, llm_s=llm_s)
    return run.turn(llm_s=llm_s, text="It is clear everywhere.")


CHAIN = """
manifest = 1
[tools.follow]
effect = "read"
reads = ["node/{node}"]
"""


def chain(number: int, llm_s: float = 0.0) -> Run:
    """Each call needs what the one before it returned."""
    nodes = [f"node-{number}-{step}-{number * 7919 % 1009}" for step in range(6)]
    run = Run(f"chain-{number}").user(f"Follow the links from {nodes[0]}.")
    for here, following in pairwise(nodes):
        run.turn(("follow", {"node": here}, {"next": following}), llm_s=llm_s)
    return run.turn(llm_s=llm_s, text="Done.")
