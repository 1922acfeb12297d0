"""One form at a time: a value stands in a result or a text in some form, and the next call takes it.

Each probe tells the smallest session in which that happens; its last call is the one that is judged. All could be
foreseen by whoever has seen a few such sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.prediction.worlds.story import Story, World
from benchmarks.prediction.worlds.vocabulary import NOUNS, VERBS, digits, letters
from speculate.spec import Effect, ToolSpec

Probe = Callable[[Story], None]
PROBES: dict[str, Probe] = {}
TOOLS = ("find", "look", "more")


def probe(says: str) -> Callable[[Probe], Probe]:
    """Enter a probe under what it is about."""

    def enter(tell: Probe) -> Probe:
        PROBES[says] = tell
        return tell

    return enter


def world(says: str) -> World:
    """A probe as a world of three tools that only read."""
    specs = {name: ToolSpec(name, effect=Effect.READ, reads=("*",), ttl_s=300.0) for name in TOOLS}
    return World(f"probe {says}", says, specs, PROBES[says])


def ids_of(story: Story, count: int = 4) -> list[str]:
    """Identifiers such as "kd-40213"."""
    return [f"{letters(story.rng, 2)}-{digits(story.rng, 5)}" for _ in range(count)]


def path_of(story: Story) -> str:
    """A path such as "src/order/parse_label.py"."""
    rng = story.rng
    return f"{rng.choice(('src', 'lib', 'app'))}/{rng.choice(NOUNS)}/{rng.choice(VERBS)}_{rng.choice(NOUNS)}.py"


def find(story: Story, result: object, **arguments: object) -> None:
    """The user asks, and the first call returns `result`."""
    story.user("please look")
    story.call("find", arguments or {"depth": 1}, result)


def names(wanted: Sequence[str] = ()) -> list[str]:
    """The probes whose words hold one of these, or all."""
    return [says for says in PROBES if not wanted or any(word in says for word in wanted)]
