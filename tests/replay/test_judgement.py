"""The replay's own reading of a manifest, held against its reference and against the core's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate.replay.judgement import EVERYTHING, Judge, overlap
from speculate.spec import ArgumentSpec, Effect, EffectRule, ToolSpec

SPECS = {
    "read": ToolSpec("read", Effect.READ, reads=("order/{order_id}", "user-index")),
    "vague": ToolSpec("vague", Effect.READ),
    "pure": ToolSpec("pure", Effect.READ, reads=()),
    "write": ToolSpec("write", Effect.WRITE, writes=("order/{order_id}",)),
    "harmless": ToolSpec("harmless", Effect.WRITE, writes=()),
    "stage": ToolSpec("stage", Effect.ABORTABLE, reads=("a",), writes=("stock/{item}",)),
    "shell": ToolSpec(
        "shell",
        Effect.WRITE,
        when=(
            EffectRule(lambda a: a.get("command") == "ls", Effect.READ, reads=("workspace",)),
            EffectRule(lambda a: a.get("command") == "look", Effect.READ),
        ),
    ),
    "file": ToolSpec(
        "file",
        Effect.READ,
        reads=("file/{path}*",),
        arguments={
            "path": ArgumentSpec(normalize="path"),
            "why": ArgumentSpec(ignore=True),
            "mode": ArgumentSpec(has_default=True, default="r"),
        },
    ),
}
JUDGE = Judge(SPECS)


def test_a_template_is_filled_with_escaped_values():
    """No value reaches into another resource's name."""
    assert JUDGE.judge("read", {"order_id": "a/b*"}).reads == (("order/a%2Fb%2A", False), ("user-index", False))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (17, "order/17"),
        (17.0, "order/17"),
        (1.5, "order/1.5"),
        (True, "order/true"),
        ({"a": 1}, "order/%7B%22a%22%3A%201%7D"),
    ],
)
def test_values_as_resource_names(value, name):
    """Numbers, truth values and objects name resources too."""
    assert JUDGE.judge("read", {"order_id": value}).reads[0] == (name, False)


@pytest.mark.parametrize("arguments", [{}, {"order_id": None}, {"order_id": ""}, {"order_id": math.nan}])
def test_a_missing_value_claims_all(arguments):
    """Where it cannot be told which resource is meant, every one is."""
    assert JUDGE.judge("read", arguments).reads[0] == ("order/", True)


def test_effects():
    """Reads left out are everything, [] is nothing, conditions decide, and an undeclared tool writes everything."""
    assert JUDGE.judge("vague", {}).reads == EVERYTHING
    assert JUDGE.judge("pure", {}).reads == ()
    assert JUDGE.judge("harmless", {}).is_write
    assert not JUDGE.judge("shell", {"command": "ls"}).is_write
    assert JUDGE.judge("shell", {"command": "look"}).reads == EVERYTHING
    assert JUDGE.judge("shell", {"command": "rm"}).is_write
    unknown = JUDGE.judge("unknown", {})
    assert (unknown.is_declared, unknown.is_write, unknown.writes) == (False, True, EVERYTHING)
    staged = JUDGE.judge("stage", {"item": "x"})
    assert (staged.is_write, staged.is_abortable) == (False, True)
    assert staged.rests_on == (("a", False), ("stock/x", False))


def test_identity_by_declaration():
    """Defaults are filled in, ignored arguments left out, values normalised; types stay apart."""
    plain = JUDGE.judge("file", {"path": "a/b"})
    assert plain.key == JUDGE.judge("file", {"path": "a//./b", "why": "because", "mode": "r"}).key
    assert plain.key != JUDGE.judge("file", {"path": "a/b", "mode": "w"}).key
    assert plain.reads == (("file/a%2Fb", True),)
    assert len({JUDGE.judge("pure", {"x": x}).key for x in (1, 1.0, True, "1")}) == 4


def test_arguments_without_text_have_no_identity():
    """Values that are no JSON, or nested too deep for it, are judged all the same."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert JUDGE.judge("read", {"order_id": deep}).key is None
    assert JUDGE.judge("read", {"order_id": deep}).reads[0] == ("order/", True)
    assert JUDGE.judge("read", {"order_id": b"x"}).reads[0] == ("order/", True)


CLAIM = st.tuples(st.sampled_from(["", "a", "ab", "a/", "a/1", "b"]), st.booleans())


@given(CLAIM, CLAIM)
@settings(max_examples=200)
def test_overlap_is_what_common_names_say(one, other):
    """Two claims overlap exactly if some resource name belongs to both."""
    names = {name + tail for name in ("", "a", "ab", "a/", "a/1", "b") for tail in ("", "x")}

    def covers(claim, name):
        return name.startswith(claim[0]) if claim[1] else name == claim[0]

    expected = any(covers(one, name) and covers(other, name) for name in names)
    assert overlap([one], [other]) == overlap([other], [one]) == expected


ARGUMENT = st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 9) | st.sampled_from(["", "1", "a/b", "*"])


@given(ARGUMENT, ARGUMENT)
@settings(max_examples=200)
def test_the_core_agrees(one, other):
    """Both readings of a manifest find the same conflicts between a write and a read."""
    write, read = SPECS["write"].resolve({"order_id": one}), SPECS["read"].resolve({"order_id": other})
    mine = overlap(JUDGE.judge("write", {"order_id": one}).writes, JUDGE.judge("read", {"order_id": other}).rests_on)
    assert mine == read.claims.is_changed_by(write.claims)
