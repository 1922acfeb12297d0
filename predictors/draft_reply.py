"""What a draft model answered: whole calls, strictly read. What is not exactly that is dropped, and counted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from speculate.identity import is_json


@dataclass(frozen=True, slots=True)
class Guess:
    """One call as answered. `p`: the probability the model gave its text, where the endpoint told."""

    tool: str
    arguments: Mapping[str, Any]
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The guesses of one answer, in its order, and how many items of it were none."""

    guesses: tuple[Guess, ...]
    rejected: int


class MalformedReply(ValueError):
    """The answer is no chat completion, or its text is no list of calls."""


def _arguments(value: Any) -> dict[str, Any] | None:
    """An arguments object, or the JSON text of one, as tool calls carry it; None for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) and is_json(value) else None


def _named(tool: Any, arguments: Any, p: float | None = None) -> Guess | None:
    read = _arguments(arguments)
    return Guess(tool, read, p) if isinstance(tool, str) and tool and read is not None and "_raw" not in read else None


def _unfenced(text: str) -> tuple[int, int]:
    """Where the answer stands in `text`: inside one Markdown fence around all of it, or all of it."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if text.startswith("```", start) and text.endswith("```", start + 3, end):
        line = text.find("\n", start, end)
        if line != -1:
            return line + 1, end - 3
    return start, end


def _spans(text: str) -> list[tuple[int, int, Any]]:
    """The items of the JSON list that `text` is, each with where it stands. Raises MalformedReply."""
    start, end = _unfenced(text)
    body = text[:end]
    try:
        whole = json.loads(body[start:])
    except (ValueError, RecursionError) as error:
        raise MalformedReply(f"the answer is no JSON: {error}") from error
    if not isinstance(whole, list):
        raise MalformedReply(f"the answer is no list but {type(whole).__name__}")
    found: list[tuple[int, int, Any]] = []
    decoder = json.JSONDecoder()
    at = body.index("[", start) + 1
    for _ in whole:
        while body[at] in " \t\r\n,":
            at += 1
        value, stop = decoder.raw_decode(body, at)
        found.append((at, stop, value))
        at = stop
    return found


def _token_ends(logprobs: Any, text: str) -> list[tuple[int, float]] | None:
    """Per token, where it ends in the text and its log probability; None unless they spell exactly this text."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content:
        return None
    tokens, chances = [], []
    for each in content:
        token, chance = (each.get("token"), each.get("logprob")) if isinstance(each, dict) else (None, None)
        if not isinstance(token, str) or type(chance) not in (int, float) or math.isnan(float(chance or 0)):
            return None
        tokens.append(token)
        chances.append(min(0.0, float(chance or 0)))
    if "".join(tokens) != text:
        return None
    return list(zip(accumulate(map(len, tokens)), chances, strict=True))


def _chance(ends: Sequence[tuple[int, float]] | None, start: int, stop: int) -> float | None:
    """The probability of the tokens that reach into text[start:stop]: the product of theirs."""
    if ends is None:
        return None
    begin, total = 0, 0.0
    for end, chance in ends:
        if begin < stop and end > start:
            total += chance
        begin = end
    return math.exp(total)


def read_reply(document: Any) -> Reply:
    """A chat completion as JSON: its tool calls, or the JSON list in its text. Raises MalformedReply."""
    try:
        choice = document["choices"][0]
        message = choice["message"]
        calls, content = message.get("tool_calls"), message.get("content")
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise MalformedReply("not a chat completion: choices[0].message is missing") from error
    found: list[Guess | None] = []
    if isinstance(calls, list) and calls:
        for call in calls:
            function = call.get("function") if isinstance(call, dict) else None
            row = function if isinstance(function, dict) else {}
            found.append(_named(row.get("name"), row.get("arguments")))
    elif isinstance(content, str) and content.strip():
        ends = _token_ends(choice.get("logprobs"), content)
        for start, stop, item in _spans(content):
            row = item if isinstance(item, dict) else {}
            found.append(_named(row.get("tool"), row.get("args", {}), _chance(ends, start, stop)))
    guesses = tuple(guess for guess in found if guess is not None)
    return Reply(guesses, len(found) - len(guesses))


def read_usage(document: Any) -> tuple[int, int] | None:
    """The tokens a chat completion was billed, in and out; None if it does not say."""
    usage = document.get("usage") if isinstance(document, dict) else None
    if not isinstance(usage, dict):
        return None
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(tokens_in) is int and type(tokens_out) is int and min(tokens_in, tokens_out) >= 0:
        return tokens_in, tokens_out
    return None
