"""Entries for tools that nobody declared, from their names and the calls seen: to be reviewed, never to be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speculate.spec import Effect, ToolSpec

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_READ_WORDS = """get list search find fetch read lookup query show describe count check view load calculate compute
browse retrieve resolve inspect validate status stat head grep glob ls cat diff summarize translate convert compare
estimate preview suggest rank filter is has can download"""
_WRITE_WORDS = """create add insert update put patch delete remove cancel send write modify edit move rename copy buy
pay refund submit publish approve reject restart execute deploy upload save subscribe assign merge push apply notify
purchase invite grant revoke unlock clear drop purge think"""
# Words that are as often the name of a thing: they say "write" only where they come first.
_BOTH_WORDS = """set post book return exchange transfer start stop run store register close open commit lock reset order
schedule share process record"""
READ_VERBS = frozenset(_READ_WORDS.split())
WRITE_VERBS = frozenset(_WRITE_WORDS.split())
VERBS_OR_NOUNS = frozenset(_BOTH_WORDS.split())


@dataclass(frozen=True, slots=True)
class Proposal:
    """One entry to review. why: what it was concluded from. review: what a person must decide."""

    spec: ToolSpec
    why: str
    review: tuple[str, ...]


def words_of(name: str) -> list[str]:
    """The words of a tool's name: get_orderStatus → get, order, status. A server's prefix comes first."""
    return [word.casefold() for word in _WORDS.findall(name)]


def identifying(arguments: Iterable[str]) -> list[str]:
    """The arguments that look like names of things: id, order_id, userId, path, url, key."""
    return [name for name in arguments if _ARGUMENT.match(name) and (words_of(name) or [""])[-1] in _IDENTIFYING]


_IDENTIFYING = frozenset({"id", "ids", "key", "uuid", "path", "url", "uri", "number", "slug", "email", "name", "code"})


def propose(tool: str, arguments: Sequence[str]) -> Proposal:
    """What the tool's name suggests. A write anywhere in it makes it one; so does a name that says nothing."""
    words = words_of(tool)
    verb = next((word for word in words if word in WRITE_VERBS), None) or next(
        (word for word in words if word in READ_VERBS or word in VERBS_OR_NOUNS), None
    )
    nouns = [word for word in words if word != verb]
    resource = "-".join(nouns) or tool.casefold()
    ids = identifying(arguments)
    if verb in READ_VERBS:
        template = f"{resource}/{{{ids[0]}}}" if len(ids) == 1 else f"{resource}/*"
        return Proposal(
            ToolSpec(name=tool, effect=Effect.READ, reads=(template,)),
            f'"{verb}" in its name suggests a read',
            (
                "does it really change nothing (no cursor moved, nothing metered)?",
                f'is "{template}" all it reads? Which tools write it?',
                "who sees its arguments: egress internal, or external?",
            ),
        )
    why = f'"{verb}" in its name suggests a write' if verb is not None else "its name does not say what it does"
    return Proposal(
        ToolSpec(name=tool, effect=Effect.WRITE),
        why,
        (
            "what does it write? Left out, it conflicts with everything",
            "it has no dedup_key: a retry runs it twice; name the arguments that make two calls the same one",
        ),
    )
