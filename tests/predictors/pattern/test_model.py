"""The model: it merges exactly, keeps secrets, follows a changed agent, and stays small."""

from __future__ import annotations

import gc
import json
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.modelfile import to_envelope
from predictors.pattern import PatternPredictor
from predictors.pattern.calibration import fit, logit, probability
from predictors.pattern.digest import Sample
from predictors.pattern.rivals import RIVALS_START
from predictors.pattern.vault import MAX_TENANTS, Vault
from speculate.calls import ToolCall
from speculate.history import CallMade, History, ResultSeen, UserText
from speculate.trace import RecordedSession, moments
from tests.predictors.pattern.sessions import SPECS, Step, history, session, top, train

_word = st.sampled_from(["cancel it", "My name is Ann Lee", "code AB12CD", "on May 20", "x_1@y.org", "Rome or Lima?"])
_value = st.one_of(
    st.sampled_from(["AB12CD", "Ann", "raw", "2024-05-20", "cat AB12CD", 7, 7.0, True, None]),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
)
_call = st.tuples(
    st.sampled_from(["find", "user", "cancel", "login"]),
    st.dictionaries(st.sampled_from(["id", "key", "pin"]), _value, max_size=3),
    st.one_of(_value, st.dictionaries(st.sampled_from(["id", "rows", "a b"]), _value, max_size=3), st.just("Error: x")),
)
_step: st.SearchStrategy[Step] = st.one_of(_word, st.just(0), _call, st.lists(_call, min_size=1, max_size=3))


@st.composite
def _runs(draw: st.DrawFn) -> list[RecordedSession]:
    sizes = draw(st.integers(1, 7))
    return [
        session(f"s{i}", *draw(st.lists(_step, max_size=7)), tenant=draw(st.sampled_from([None, "a", "b"])))
        for i in range(sizes)
    ]


@settings(max_examples=25, deadline=None)
@given(runs=_runs(), cut=st.integers(0, 7), size=st.integers(0, 4))
def test_training_apart_adds_up(runs: list[RecordedSession], cut: int, size: int) -> None:
    """Whatever the sessions and wherever they are split, in either order, also through a file."""
    whole = to_envelope(train(*runs, sample=size, min_tenants=2))
    one, other = (train(*part, sample=size, min_tenants=2) for part in (runs[:cut], runs[cut:]))
    assert to_envelope(one.merge(other)) == whole
    assert to_envelope(other.merge(one)) == whole
    through = [PatternPredictor.from_document(json.loads(json.dumps(each.to_document()))) for each in (one, other)]
    assert to_envelope(through[0].merge(through[1])) == whole


def test_models_of_other_settings_do_not_merge() -> None:
    """Said plainly."""
    with pytest.raises(ValueError, match="settings"):
        train(sample=3).merge(train(sample=4))
    with pytest.raises(ValueError, match="min_tenants"):
        train(min_tenants=2).merge(train(min_tenants=3))
    with pytest.raises(ValueError, match="max_bytes"):
        train(max_bytes=1)
    with pytest.raises(ValueError, match="sample"):
        train(sample=-1)
    with pytest.raises(ValueError, match="min_tenants"):
        train(min_tenants=0)


def test_a_document_of_another_version_is_refused() -> None:
    """Weights of another length are no weights."""
    document = train().to_document()
    document["weights"]["next"] = [1.0]
    with pytest.raises(ValueError, match="version"):
        PatternPredictor.from_document(document)


@pytest.mark.parametrize(("known_next", "known_use"), [(13, 12), (17, 13)])
def test_a_document_that_knows_fewer_features_predicts_as_it_did(known_next: int, known_use: int) -> None:
    """Weights for features that came later are 0, and rivals count for nothing."""
    learned = train(*[session(f"s{n}", "go", ("find", {"id": "7"}, {"key": f"k{n}"})) for n in range(5)])
    document = learned.to_document()
    weights = document["weights"]
    del weights["rivals"]
    document["weights"] = {**weights, "next": weights["next"][:known_next], "use": weights["use"][:known_use]}
    earlier = PatternPredictor.from_document(document)
    later_next, later_use = [0.0] * (17 - known_next), [0.0] * (13 - known_use)
    assert [list(earlier._weights[0][known_next:]), list(earlier._weights[1][known_use:])] == [later_next, later_use]
    weights["next"][known_next:], weights["use"][known_use:] = later_next, later_use
    weights["rivals"] = list(RIVALS_START)
    now = PatternPredictor.from_document({**document, "weights": weights})
    assert earlier.predict(history("go"), 5) == now.predict(history("go"), 5) != []


def test_what_few_tenants_showed_is_not_in_the_file() -> None:
    """Neither as a constant nor as a template, nor anything users or tools said."""
    runs = [
        session(
            f"s{i}",
            "my secret is hunter2, says Zebediah",
            ("find", {"key": f"private-{i}"}, "Quetzalcoatl"),
            ("file", {"cmd": f"run9 thing_{i}"}, {}),
        )
        for i in range(2)
    ]
    text = json.dumps(to_envelope(train(*runs)))
    for word in ("hunter2", "Zebediah", "private", "Quetzalcoatl", "run9", "thing_"):
        assert word not in text


def test_sensitive_arguments_are_not_looked_at() -> None:
    """Not even when a hundred tenants use the same PIN; and the tool is not predicted without it."""
    runs = [session(f"s{i}", "let me in", ("login", {"pin": "4711-secret"}, {})) for i in range(100)]
    learned = train(*runs)
    assert "4711-secret" not in json.dumps(to_envelope(learned))
    assert [guess for guess in learned.predict(history("4711-secret"), 5) if guess.tool == "login"] == []
    learned.observe(history("let me in"), ToolCall("login", {"pin": "4711-secret"}))
    assert "4711-secret" not in json.dumps(to_envelope(learned))


def test_a_sealed_value_opens_by_shares_from_anywhere() -> None:
    """Three vaults that saw one tenant each hold nothing readable; merged, they hold the value."""
    vaults = []
    for tenant in "abc":
        vault = Vault(3)
        digest = vault.add("vérité", tenant)
        assert vault.value(digest) is None
        vaults.append(Vault.from_document(json.loads(json.dumps(vault.to_document())), 3))
    first, second, third = vaults
    first.merge(second)
    assert first.value(digest) is None
    first.merge(third)
    assert (first.value(digest), first.tenants(digest), first.tenants("?")) == ("vérité", 3, 0)
    assert "vérité" in json.dumps(first.to_document(), ensure_ascii=False)


def test_a_damaged_seal_is_noticed() -> None:
    """Shares that belong to something else open nothing."""
    one, other = Vault(2), Vault(2)
    digest = one.add("right", "a")
    other.add("wrong", "b")
    other.sealed[digest] = other.sealed.pop(next(iter(other.sealed)))
    with pytest.raises(ValueError, match="damaged"):
        one.merge(other)


def test_tenants_are_counted_up_to_a_bound() -> None:
    """A popular value does not grow the file for ever."""
    vault = Vault(2)
    for number in range(3 * MAX_TENANTS):
        digest = vault.add("popular", str(number))
    half, rest = Vault(2), Vault(2)
    for number in range(3 * MAX_TENANTS):
        (half if number % 2 else rest).add("popular", str(number))
    half.merge(rest)
    assert half.tenants(digest) == vault.tenants(digest) == MAX_TENANTS
    assert half.to_document() == vault.to_document()


def test_a_changed_agent_is_followed() -> None:
    """Two hundred sessions taught one habit; some tens of another habit are enough to expect it."""
    old = [session(f"s{i}", f"item k_{i}", ("find", {"key": f"k_{i}"}, {})) for i in range(200)]
    learned = train(*old)
    assert top(learned, "item k_999").tool == "find"
    for number in range(60):
        run = session(f"n{number}", f"item k_{number}", 0, "well?", ("lookup", {"name": f"k_{number}"}, {}))
        for seen, turn in moments(run):
            for call in turn.calls:
                learned.observe(seen, ToolCall(call.tool, call.args, call.id))
    silent = learned.predict(history("item k_999"), 3)
    assert silent[0].p_next < 0.5
    guess = top(learned, "item k_999", 0, "well?")
    assert (guess.tool, guess.arguments) == ("lookup", {"name": "k_999"})


def test_answers_to_an_unchanged_history_are_remembered_until_something_is_learned() -> None:
    """The same objects, until an observation or an event."""
    learned = train(*[session(f"s{i}", f"k_{i}", ("find", {"key": f"k_{i}"}, {})) for i in range(4)])
    seen = history("k_7")
    first = learned.predict(seen, 5)
    assert learned.predict(seen, 2)[0] is first[0]
    learned.observe(seen, ToolCall("find", {"key": "k_7"}))
    assert learned.predict(seen, 2)[0] is not first[0]


def test_a_fork_starts_from_where_its_history_stood() -> None:
    """What if this result came? The fork's answer is that of the real thing, and the original's is unchanged."""
    learned = train(
        *[session(f"s{i}", "hi", ("find", {}, {"id": f"u_{i}"}), ("user", {"id": f"u_{i}"}, {})) for i in range(5)]
    )
    seen = history("hi")
    before = learned.predict(seen, 5)
    fork = seen.fork()
    fork.append(CallMade("x", 0, "find", {}))
    fork.append(ResultSeen("x", "find", True, {"id": "u_50"}))
    guess = learned.predict(fork, 5)[0]
    fresh = History("now", None, list(fork.events))
    assert learned.predict(fresh, 5)[0] == guess
    assert (guess.tool, guess.arguments) == ("user", {"id": "u_50"})
    seen.append(UserText("more"))
    assert learned.predict(History("now", None, seen.events[:1]), 5) == before


def test_sessions_are_forgotten_with_their_histories() -> None:
    """A predictor holds on to nothing of a history that is gone."""
    learned = train()
    seen = history("text")
    learned.predict(seen, 3)
    index = weakref.ref(seen.memo[learned].state.spoken)
    del seen
    gc.collect()
    assert index() is None


def test_the_sample_is_the_same_however_it_was_gathered() -> None:
    """The smallest hashes stay."""
    everything, parts = Sample(2), [Sample(2), Sample(2)]
    for number, key in enumerate("dbeca"):
        everything.add(key, {"n": number})
        parts[number % 2].add(key, {"n": number})
    parts[0].merge(parts[1])
    assert parts[0].hashes() == everything.hashes() == ["a", "b"]


def test_calibration_recovers_a_known_slope() -> None:
    """Rows that happen exactly as often as their score says keep the weights; rows that never do push them down."""
    honest = [((1.0, logit(p / 10)), number < p) for p in range(1, 10) for number in range(10)] * 20
    bias, slope = fit(honest, (0.5, 0.5))
    assert abs(bias) < 0.05
    assert abs(slope - 1) < 0.05
    never = fit([((1.0, 0.0), False)] * 500, (0.0, 1.0))
    assert probability(never[0]) < 0.03
    assert fit([], (1.0, 2.0)) == (1.0, 2.0)
    assert (logit(0.0), logit(1.0), probability(-99.0)) == (-7.0, 7.0, 0.0)


def test_it_says_what_it_is() -> None:
    """For a debugger."""
    assert repr(train(session("s", "hi", ("find", {}, {})))) == "<PatternPredictor: 1 sessions, 1 tools>"
    assert set(SPECS) > {"find"}
