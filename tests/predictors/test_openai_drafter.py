"""OpenAIDrafter against a real HTTP server on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from typing import Any

import httpx
import pytest

from predictors import OpenAIDrafter
from predictors.draft_reply import MalformedReply, read_reply, read_usage
from speculate.errors import MissingExtra
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.prediction import Drafter
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from tests.predictors.endpoint import completion, endpoint

SPECS = {"sign_in": ToolSpec("sign_in", Effect.READ, arguments={"pin": ArgumentSpec(sensitive=True)})}
HISTORY = History(
    "s",
    None,
    [
        UserText("Where is order 7?"),
        ModelText(0, "I sign you in."),
        CallMade("c1", 0, "sign_in", {"user": "kim", "pin": "4711"}),
        ResultSeen("c1", "sign_in", True, {"ok": True}),
        CallMade("c2", 1, "get_order", {"id": 7}),
        ResultSeen("c2", "get_order", False, None, "KeyError: 7"),
        CallMade("c3", 2, "get_page", {"n": 1}),
        ResultSeen("c3", "get_page", True, None, known=False),
    ],
)
TWO = '[{"tool": "get_order", "args": {"id": "7"}}, {"tool": "list_orders"}]'


async def test_guesses_come_from_the_answer() -> None:
    """In the answer's order, with the probabilities that were set; tokens and money are counted."""
    async with (
        endpoint((200, completion(TWO))) as server,
        OpenAIDrafter("tiny", base_url=server.url + "/", cost_in_per_1k=0.5, cost_out_per_1k=2.0) as drafter,
    ):
        assert isinstance(drafter, Drafter)
        first, second = await drafter.draft(HISTORY, 5)
        assert (first.tool, first.arguments, first.p_next, first.p_use) == ("get_order", {"id": "7"}, 0.3, 0.3)
        assert (second.tool, second.arguments, second.p_next) == ("list_orders", {}, 0.15)
        assert first.predictor == "openai"
        assert not first.sources  # unknown: the gate must assume the worst
        await drafter.draft(HISTORY, 5)
    assert (drafter.requests, drafter.tokens_in, drafter.tokens_out, drafter.guesses) == (2, 2000, 100, 4)
    assert drafter.spent == pytest.approx(2 * (0.5 + 0.1))
    assert not drafter.failures
    assert repr(drafter) == "<OpenAIDrafter 'tiny': 2 requests, 0 failures, 1.2000 spent>"


async def test_what_is_sent() -> None:
    """One request, with key, settings and the session; sensitive arguments are not in it."""
    tool = {"type": "function", "function": {"name": "get_order", "parameters": {"type": "object"}}}
    async with (
        endpoint((200, completion("[]"))) as server,
        OpenAIDrafter(
            "tiny", base_url=server.url, api_key="k-123", specs=SPECS, tools=[tool], logprobs=True, max_tokens=99,
            extra={"seed": 1},
        ) as drafter,
    ):  # fmt: skip
        assert await drafter.draft(HISTORY, 3) == []
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k-123"
    system, user = request.body.pop("messages")
    assert request.body == {
        "model": "tiny", "max_tokens": 99, "temperature": 0.0, "tools": [tool], "logprobs": True, "seed": 1,
    }  # fmt: skip
    assert "a JSON list of at most 3 objects" in system["content"]
    assert [json.loads(line) for line in user["content"].splitlines()] == [
        {"user": "Where is order 7?"},
        {"assistant": "I sign you in."},
        {"call": "sign_in", "args": {"user": "kim"}},
        {"result_of": "sign_in", "ok": True, "value": {"ok": True}},
        {"call": "get_order", "args": {"id": 7}},
        {"raised_by": "get_order", "error": "KeyError: 7"},
        {"call": "get_page", "args": {"n": 1}},
        {"result_of": "get_page", "ok": True, "value": None},
    ]
    assert "k-123" not in repr(drafter)


async def test_the_prompt_is_bounded() -> None:
    """A megabyte of text, a huge result and broken Unicode: whole events, the latest first, within the bound."""
    history = History("s", None, [UserText("x" * 1_000_000) for _ in range(50)])
    history.append(ResultSeen("c", "get", True, {"rows": ["y" * 100] * 1000}))
    history.append(UserText("\ud800 the latest"))
    async with (
        endpoint((200, completion("[]"))) as server,
        OpenAIDrafter("tiny", base_url=server.url, prompt_characters=5000, temperature=None) as drafter,
    ):
        await drafter.draft(history, 3)
    (request,) = server.requests
    rows = [json.loads(line) for line in request.body["messages"][1]["content"].splitlines()]
    assert sum(len(json.dumps(row)) for row in rows) <= 5100
    assert rows[-1] == {"user": "\ud800 the latest"}
    assert rows[-2]["value"].endswith("y…")
    assert len(rows) == 3
    assert "temperature" not in request.body


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((500, {"error": "down"}), "status 500"),
        ((429, {}), "status 429"),
        ((302, {}), "status 302"),
        ((200, b"<html>"), "malformed"),
        ((200, b"[" * 100_000), "malformed"),
        ((200, {"choices": []}), "malformed"),
        ((200, [1]), "malformed"),
        ((200, {"choices": [{"message": "hi"}]}), "malformed"),
        ((200, completion("I think it will call get_order.")), "malformed"),
        ((200, completion('{"tool": "get_order"}')), "malformed"),
        ((200, completion("[" * 100_000)), "malformed"),
        ((200, b"x" * 1_100_000), "too-large"),
    ],
)
async def test_failures_are_soft_and_counted(reply: Any, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """No guess, no exception, one line in the log however often it happens."""
    async with endpoint(reply) as server, OpenAIDrafter("tiny", base_url=server.url, api_key="k-123") as drafter:
        with caplog.at_level(logging.WARNING, "predictors"):
            assert await drafter.draft(HISTORY, 5) == []
            assert await drafter.draft(HISTORY, 5) == []
    assert drafter.failures[reason] == 2
    assert len(caplog.records) == 1
    assert "k-123" not in caplog.text


async def test_an_answer_of_no_use_is_paid_for_all_the_same() -> None:
    """Its usage counts."""
    async with (
        endpoint((200, completion("no idea"))) as server,
        OpenAIDrafter("tiny", base_url=server.url, cost_in_per_1k=1.0) as drafter,
    ):
        assert await drafter.draft(HISTORY, 5) == []
    assert drafter.spent == 1.0


async def test_nobody_listens() -> None:
    """A refused connection is a failure like any other."""
    async with endpoint(None) as server:
        url = server.url
    async with OpenAIDrafter("tiny", base_url=url) as drafter:
        assert await drafter.draft(HISTORY, 5) == []
    assert drafter.failures == {"connection": 1}


async def test_an_endpoint_that_never_answers() -> None:
    """Is given up after the time that was set."""
    async with endpoint(None) as server, OpenAIDrafter("tiny", base_url=server.url, timeout_s=0.05) as drafter:
        assert await drafter.draft(HISTORY, 5) == []
    assert drafter.failures == {"timeout": 1}


async def test_a_cancelled_draft_is_cancelled() -> None:
    """When the session moves on, the request ends at once, is counted, and the cancellation goes through."""
    async with endpoint(None) as server, OpenAIDrafter("tiny", base_url=server.url) as drafter:
        drafting = asyncio.create_task(drafter.draft(HISTORY, 5))
        await server.arrived.wait()
        drafting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drafting
    assert drafter.failures == {"cancelled": 1}


async def test_the_budget_is_kept() -> None:
    """Once it is spent nothing is asked any more; nor is anything when no guess is wanted."""
    async with (
        endpoint((200, completion("[]"))) as server,
        OpenAIDrafter("tiny", base_url=server.url, cost_in_per_1k=1.0, budget=1.5) as drafter,
    ):
        await drafter.draft(HISTORY, 0)
        for _ in range(4):
            await drafter.draft(HISTORY, 5)
    assert len(server.requests) == 2
    assert drafter.spent == 2.0
    assert drafter.failures == {"budget": 2}


async def test_an_answer_without_usage_is_counted_as_such() -> None:
    """Its cost is not known, and that is said."""
    async with (
        endpoint((200, completion(TWO, tokens=None))) as server,
        OpenAIDrafter("tiny", base_url=server.url, cost_in_per_1k=1.0) as drafter,
    ):
        assert len(await drafter.draft(HISTORY, 1)) == 1
    assert drafter.failures == {"unmetered": 1}
    assert (drafter.spent, drafter.guesses) == (0.0, 1)


async def test_guesses_that_could_not_be_used_are_dropped() -> None:
    """Unknown tools (where the tools were told), sensitive arguments, raw ones; twice the same is once."""
    answer = json.dumps(
        [
            {"tool": "sign_in", "args": {"pin": "4711"}},
            {"tool": "invented", "args": {}},
            {"tool": "sign_in", "args": {"user": "kim"}},
            {"tool": "sign_in", "args": {"user": "kim"}},
            {"tool": "sign_in", "args": {"_raw": 1}},
            "sign_in",
            {"tool": "", "args": {}},
            {"tool": "sign_in", "args": [1]},
        ]
    )
    tool = {"type": "function", "function": {"name": "sign_in"}}
    async with (
        endpoint((200, completion(answer))) as server,
        OpenAIDrafter("tiny", base_url=server.url, specs=SPECS, tools=[tool]) as drafter,
    ):
        (guess,) = await drafter.draft(HISTORY, 5)
    assert guess.arguments == {"user": "kim"}
    assert drafter.failures == {"rejected": 6}


async def test_a_client_of_ones_own_is_left_open() -> None:
    """It may have proxies, certificates, limits."""
    async with endpoint((200, completion(TWO))) as server, httpx.AsyncClient() as client:
        async with OpenAIDrafter("tiny", base_url=server.url, client=client) as drafter:
            assert len(await drafter.draft(HISTORY, 5)) == 2
        assert not client.is_closed
        await drafter.aclose()


def test_tool_calls_are_read() -> None:
    """As the API gives them: arguments as JSON text."""

    def call(arguments: Any) -> Any:
        return {"id": "x", "type": "function", "function": {"name": "get", "arguments": arguments}}

    calls = [call('{"id": 7}'), call('{"id": 8'), call("[1]"), call('{"n": NaN}'), {"function": None}, 3]
    reply = read_reply(completion(None, tool_calls=calls))
    assert [(guess.tool, guess.arguments) for guess in reply.guesses] == [("get", {"id": 7})]
    assert reply.rejected == 5
    assert read_reply(completion(None)).guesses == ()


def test_a_fence_around_the_answer_is_read_through() -> None:
    """One, around all of it; anything beside it is no list."""
    assert len(read_reply(completion(f" ```json\n{TWO}\n```\n")).guesses) == 2
    for text in (f"Here: ```json\n{TWO}\n```", "``` ```", "```[]```"):
        with pytest.raises(MalformedReply):
            read_reply(completion(text))


def _spelled(text: str, chances: list[tuple[str, float]]) -> Any:
    document = completion(text)
    content = [{"token": token, "logprob": math.log(p)} for token, p in chances]
    document["choices"][0]["logprobs"] = {"content": content}
    return document


def test_a_guess_is_as_likely_as_its_text() -> None:
    """The product over the tokens it stands in, those that reach into it included, others not."""
    tokens = [("[", 0.5), ('{"tool":"a', 0.9), ('"},', 0.8), ('{"tool":"b"', 0.5), ("}", 0.5), ("]", 0.1)]
    text = "".join(token for token, _ in tokens)
    first, second = read_reply(_spelled(text, tokens)).guesses
    assert first.p == pytest.approx(0.9 * 0.8)
    assert second.p == pytest.approx(0.5 * 0.5)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": []},
        {"content": ["x"]},
        {"content": [{"token": TWO}]},
        {"content": [{"token": TWO, "logprob": float("nan")}]},
        {"content": [{"token": "another text", "logprob": -0.1}]},
    ],
)
def test_log_probabilities_that_do_not_spell_the_answer_are_not_used(logprobs: Any) -> None:
    """Then the setting counts."""
    document = completion(TWO)
    document["choices"][0]["logprobs"] = logprobs
    assert [guess.p for guess in read_reply(document).guesses] == [None, None]


async def test_the_likeliest_comes_first() -> None:
    """By what the endpoint said, whatever the order of the answer."""
    tokens = [("[", 1.0), ('{"tool":"a"}', 0.2), (",", 1.0), ('{"tool":"b"}', 0.7), ("]", 1.0)]
    async with (
        endpoint((200, _spelled("".join(token for token, _ in tokens), tokens))) as server,
        OpenAIDrafter("tiny", base_url=server.url, logprobs=True) as drafter,
    ):
        guesses = await drafter.draft(HISTORY, 5)
    assert [(guess.tool, round(guess.p_next, 6)) for guess in guesses] == [("b", 0.7), ("a", 0.2)]


@pytest.mark.parametrize("usage", [None, 3, {}, {"prompt_tokens": 1}, {"prompt_tokens": -1, "completion_tokens": 1}])
def test_usage_is_whole_or_nothing(usage: Any) -> None:
    """No guessing at costs."""
    assert read_usage({"usage": usage}) is None
    assert read_usage([]) is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"base_url": "localhost:80"}, "base_url must start with http"),
        ({"probabilities": ()}, "probabilities must be"),
        ({"probabilities": (1.5,)}, "probabilities must be"),
        ({"timeout_s": 0}, "timeout_s must be a finite number above 0"),
        ({"cost_in_per_1k": -1}, "cost_in_per_1k must be a finite number of at least 0"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], problem: str) -> None:
    """When it is made, not at the first draft."""
    with pytest.raises(ValueError, match=problem):
        OpenAIDrafter("tiny", **settings)
    with pytest.raises(TypeError, match="not JSON serializable"):
        OpenAIDrafter("tiny", extra={"stop": object()})


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httpx, what to install is said."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'speculate-runtime\[draft\]'"):
        OpenAIDrafter("tiny")
