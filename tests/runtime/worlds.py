"""A stateful world with honest timing, and random agents that act on a fixed timetable.

Agents act at absolute times, so that a hit, which only shortens waiting, moves nothing else: whatever differs
between speculation on and off is then the runtime's doing. A read looks when it starts; a write takes effect at its
start ("early") or at its end ("late").
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from speculate import Effect, History, Policy, Prediction, Runtime, ToolCall, ToolSpec
from speculate.testing import run_virtual

ITEMS = ("a", "b", "c")
STEP_S = 8.0
WRITE_S = 5.0  # the other agent's turn falls into it

SPECS = {
    "get": ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=40.0),
    "check": ToolSpec("check", Effect.READ, reads=("item/{id}",), ttl_s=20.0),
    "total": ToolSpec("total", Effect.READ, reads=("item/*",), ttl_s=40.0),
    "pure": ToolSpec("pure", Effect.READ, reads=(), ttl_s=1000.0),
    "pop": ToolSpec("pop", Effect.READ, idempotent=False, reads=("item/{id}",)),
    "set_early": ToolSpec("set_early", Effect.WRITE, reads=(), writes=("item/{id}",)),
    "set_late": ToolSpec("set_late", Effect.WRITE, reads=(), writes=("item/{id}",)),
    "once": ToolSpec("once", Effect.WRITE, idempotent=True, reads=(), writes=("item/{id}",), dedup_key="{id}"),
    "reset": ToolSpec("reset", Effect.WRITE),
}
READS = ("get", "check", "total", "pure")
NO_ID = ("total", "reset")


@dataclass
class World:
    """Shared state, and a log of what changed it."""

    items: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ITEMS, 0))
    log: list[str] = field(default_factory=list)

    def tools(self) -> dict[str, Callable[..., Any]]:
        async def get(id: str) -> dict[str, Any]:
            seen = self.items[id]
            await asyncio.sleep(0.5 + 0.25 * (seen % 4))
            return {"id": id, "value": seen}

        async def check(id: str) -> str:
            seen = self.items[id]
            await asyncio.sleep(0.75)
            if seen % 3 == 2:
                raise ValueError(f"{id} is {seen}")
            return f"{id} is fine"

        async def total() -> int:
            seen = sum(self.items.values())
            await asyncio.sleep(1.5)
            return seen

        async def pure(id: str) -> str:
            await asyncio.sleep(0.25)
            return id * 3

        async def pop(id: str) -> int:
            self.items[id] += 1
            self.log.append(f"pop {id}")
            await asyncio.sleep(0.25)
            return self.items[id]

        async def set_early(id: str, value: int) -> str:
            self.items[id] = value
            self.log.append(f"set {id}={value}")
            await asyncio.sleep(WRITE_S)
            return "done"

        async def set_late(id: str, value: int) -> str:
            await asyncio.sleep(WRITE_S)
            self.items[id] = value
            self.log.append(f"set {id}={value}")
            return "done"

        async def once(id: str, value: int) -> dict[str, Any]:
            await asyncio.sleep(0.5)
            self.items[id] += value
            self.log.append(f"once {id}+{value}")
            return {"left": self.items[id]}

        async def reset() -> str:
            await asyncio.sleep(0.25)
            for id in self.items:
                self.items[id] = 0
            self.log.append("reset")
            return "reset"

        async def stranger(id: str) -> str:
            self.items[id] += 10
            self.log.append(f"stranger {id}")
            return "?"

        return {
            tool.__name__: tool for tool in (get, check, total, pure, pop, set_early, set_late, once, reset, stranger)
        }


Step = tuple[list[ToolCall], float | None]  # the calls of a turn, and after how long the agent gives up on them


def random_call(rng: random.Random, *, reads: bool = False) -> ToolCall:
    tool = rng.choice(READS if reads or rng.random() < 0.65 else (*SPECS, "stranger"))
    arguments: dict[str, Any] = {} if tool in NO_ID else {"id": rng.choice(ITEMS)}
    if tool in ("set_early", "set_late", "once"):
        arguments["value"] = rng.randrange(5)
    return ToolCall(tool, arguments)


def random_script(rng: random.Random, steps: int, *, alone: bool) -> list[Step]:
    """Turns of several calls only for an agent that is `alone`: where one of them is a hit, what waited for it in its
    turn begins earlier, and another session's agent may rightly see that."""
    script: list[Step] = []
    for _ in range(steps):
        roll = rng.random()
        if roll < 0.25 and alone:
            script.append(([random_call(rng) for _ in range(rng.randrange(2, 4))], None))
        elif roll < 0.3:
            script.append(([random_call(rng, reads=True)], 0.125))
        else:
            script.append(([random_call(rng)], None))
    return script


class Guesser:
    """Right more often than chance, wrong often enough; guesses writes and strangers too."""

    def __init__(self, scripts: dict[str, list[Step]], seed: int) -> None:
        self.scripts, self.rng = scripts, random.Random(seed)
        self.position: dict[str, int] = dict.fromkeys(scripts, 0)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        rng = self.rng
        script, at = self.scripts[history.session], self.position[history.session]
        ahead = [call for calls, _ in script[at : at + 4] for call in calls]
        calls = [call for call in ahead if rng.random() < 0.7] + [random_call(rng) for _ in range(2)]
        rng.shuffle(calls)
        return [Prediction(call.tool, dict(call.arguments), p := rng.random(), p) for call in calls[:limit]]

    def observe(self, history: History, call: ToolCall) -> None:
        pass


async def act(runtime: Runtime, guesser: Guesser, name: str, script: list[Step], offset_s: float) -> list[str]:
    """One agent: each turn at its time on the timetable; what it saw, in order."""
    seen: list[str] = []
    async with runtime.session(name, user="go") as session:
        for index, (calls, patience_s) in enumerate(script):
            guesser.position[name] = index + 1
            await session.think(asyncio.sleep(max(0.0, index * STEP_S + offset_s - runtime.now())))
            if patience_s is not None:
                task = asyncio.ensure_future(session.call_all(calls))
                await asyncio.wait({task}, timeout=patience_s)
                if not task.done():
                    task.cancel()
                    await asyncio.wait({task})
                seen.append("gave up or not")
                continue
            outcomes = await session.call_all(calls)
            seen += [f"{outcome.call.tool} {outcome.value!r} {outcome.error!r}" for outcome in outcomes]
    return seen


def changes_of(log: list[str], item: str) -> list[str]:
    """What changed one item, in order. Changes of different items in one turn have no order between them."""
    return [entry for entry in log if entry == "reset" or entry.split()[1][0] == item]


def play(
    seed: int, steps: int, *, speculation: bool
) -> tuple[dict[str, list[str]], dict[str, int], list[str], Runtime]:
    """One agent, or two in one world half a step apart. What each saw, the final state, the log of changes."""
    rng = random.Random(seed)
    names = ("x", "y") if seed % 4 else ("x",)
    scripts = {name: random_script(rng, steps, alone=len(names) == 1) for name in names}
    world = World()
    policy = Policy(min_probability=0.05, self_check=False, max_in_flight_per_session=rng.choice((2, 6)), max_depth=2)
    guesser = Guesser(scripts, seed)

    async def main() -> tuple[dict[str, list[str]], Runtime]:
        runtime = Runtime(world.tools(), SPECS, guesser, policy=policy, speculation=speculation)
        async with runtime:
            if seed % 2:
                for tool in READS:
                    runtime.seed_latency(tool, [0.5] * 6)  # an optimistic tail: joined calls run beside their guess
            seen = await asyncio.gather(
                *(act(runtime, guesser, name, scripts[name], at * STEP_S / 2) for at, name in enumerate(names))
            )
        return dict(zip(names, seen, strict=True)), runtime

    seen, runtime = run_virtual(main())
    return seen, world.items, world.log, runtime
