"""Drafts in the runtime itself: nothing waits for them, and they help when they come in time."""

from __future__ import annotations

import asyncio

import pytest

from predictors import MarkovPredictor, Mixture, OpenAIDrafter, RecordedDrafter, RepeatPredictor
from predictors.recorded import read_row
from speculate import Policy, Runtime, Served, ToolCall
from speculate.prediction import Drafter
from speculate.spec import Effect, ToolSpec
from speculate.testing import FakeTool, run_virtual
from tests.predictors.endpoint import completion, endpoint

# The test's own server may have accepted a connection just as its loop ends; Python then reports the socket later.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SPECS = {"get": ToolSpec("get", Effect.READ, reads=("item/{id}",))}


async def _one_turn(drafter: Drafter, think_s: float) -> tuple[Served, float]:
    """The user speaks, the model thinks and calls `get`, which takes two seconds. How it was served, and the wait."""
    runtime = Runtime({"get": FakeTool({"ok": True}, seconds=2.0)}, SPECS, drafters=[drafter])
    async with runtime, runtime.session("s1") as session:
        session.saw_user("Where is 7?")
        await session.think(asyncio.sleep(think_s))
        outcome = await session.execute(ToolCall("get", {"id": "7"}))
    return outcome.served, outcome.waited_s


def _recorded(latency_s: float, id: str = "7") -> RecordedDrafter:
    guesses = [{"tool": "get", "args": {"id": id}, "p": 0.9}]
    return RecordedDrafter([read_row({"session": "s1", "turn": 0, "guesses": guesses, "latency_s": latency_s})])


@pytest.mark.parametrize(
    ("latency_s", "served", "waited_s"),
    [(1.0, Served.READY, 0.0), (3.0, Served.JOINED, 1.0), (30.0, Served.RAN, 2.0)],
)
def test_a_draft_joins_when_it_comes(latency_s: float, served: Served, waited_s: float) -> None:
    """After one second of four: ready. After three: joined half way. Too late: as if it had never been asked."""
    assert run_virtual(_one_turn(_recorded(latency_s), 4.0)) == (served, waited_s)


def test_a_wrong_draft_costs_nothing() -> None:
    """The real call runs at once."""
    assert run_virtual(_one_turn(_recorded(1.0, id="8"), 4.0)) == (Served.RAN, 2.0)


async def test_a_language_models_draft_is_launched() -> None:
    """Over HTTP, on the real loop: the model's turn ends once the tool was started early."""
    started = asyncio.Event()

    async def get(id: str) -> str:
        started.set()
        return f"item {id}"

    async with (
        endpoint((200, completion('[{"tool": "get", "args": {"id": "7"}}]'))) as server,
        OpenAIDrafter("tiny", base_url=server.url, probabilities=(0.9,)) as drafter,
        Runtime({"get": get}, SPECS, drafters=[drafter]) as runtime,
        runtime.session() as session,
    ):
        session.saw_user("Where is 7?")
        await session.think(started.wait())
        outcome = await session.execute(ToolCall("get", {"id": "7"}))
    assert outcome.value == "item 7"
    assert outcome.served.is_hit
    assert drafter.requests >= 1


def test_a_composition_learns_in_the_runtime() -> None:
    """An agent that polls: after some turns the repeated call is ready when it is made."""

    async def main() -> tuple[list[Served], float]:
        predictor = Mixture([MarkovPredictor(), RepeatPredictor()])
        runtime = Runtime(
            {"get": FakeTool("same", seconds=1.0)}, SPECS, predictor=predictor, policy=Policy(min_probability=0.5)
        )
        served = []
        async with runtime, runtime.session() as session:
            for _ in range(20):
                await session.think(asyncio.sleep(4.0))
                outcome = await session.execute(ToolCall("get", {"id": "7"}))
                served.append(outcome.served)
            guess = predictor.predict(session.history, 1)[0]
        return served, guess.p_next

    served, p_next = run_virtual(main())
    assert served[0] is Served.RAN
    assert served[-5:] == [Served.READY] * 5
    assert p_next > 0.8
