"""Learning from recorded sessions, and calibrating on a sample of them with their own counts taken out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any

from predictors.pattern.calibration import (
    NEXT_START,
    USE_START,
    Weights,
    fit,
    next_features,
    probability,
    score,
    use_features,
)
from predictors.pattern.calling import call_key
from predictors.pattern.collecting import without_collection
from predictors.pattern.counts import Counts, without
from predictors.pattern.digest import Digest, Sample, StandInValues, Undigested, sample_key
from predictors.pattern.flatten import Item
from predictors.pattern.guessing import Guess, Guesser
from predictors.pattern.hearing import count_told, told_by
from predictors.pattern.indexing import MAX_RESULTS, Indexer
from predictors.pattern.learning import count_session, count_turn, learnable
from predictors.pattern.mappings import alone
from predictors.pattern.namevault import FieldNames
from predictors.pattern.naming import Naming
from predictors.pattern.nesting import RAW
from predictors.pattern.offering import MAX_OFFERS
from predictors.pattern.reliability import fit_curve
from predictors.pattern.renaming import renamed
from predictors.pattern.rivals import RIVALS_START, beside_rivals, keeps_order
from predictors.pattern.sealing import is_seal, names_in, names_of, sealed
from predictors.pattern.state import State
from predictors.pattern.tallying import Tally
from predictors.pattern.vault import Vault
from speculate.resources import argument_names
from speculate.spec import ArgumentSpec, ToolSpec
from speculate.trace import RecordedSession, moments

_PLAIN = ArgumentSpec()
SAMPLE = 48  # sessions
MAX_ROWS = 4_000
MAX_TURNS = 600  # judged for calibration
GROUPS = 16  # that a sample is taken out in: one session at a time, if there are no more
APART = 64  # of so many sessions one at most is taken out to judge another of the sample without itself


def schema_of(spec: ToolSpec) -> list[str]:
    """The argument names a manifest entry tells of."""
    names = dict.fromkeys(spec.arguments)
    for template in spec.reads or ():
        names.update(dict.fromkeys(argument_names(template)))
    hidden = spec.sensitive_arguments()
    return [name for name in names if name not in hidden and not spec.arguments.get(name, _PLAIN).has_default]


def _declared(specs: Mapping[str, ToolSpec]) -> set[str]:
    """The names of arguments that a manifest tells of: they are no data."""
    names = {RAW}
    for spec in specs.values():
        names.update(spec.arguments, spec.sensitive_arguments())
        for template in (*(spec.reads or ()), *(spec.writes or ())):
            names.update(argument_names(template))
    return names


def _year_of(session: RecordedSession) -> str | None:
    """The year that most dates among a session's arguments lie in: as a rule the one people leave out."""
    years: dict[str, int] = {}
    for turn in session.turns:
        for call in turn.calls:
            for value in call.args.values():
                if type(value) is str and len(value) == 10 and value[4] == "-" == value[7] and value[:4].isdigit():
                    years[value[:4]] = years.get(value[:4], 0) + 1
    return min(years, key=lambda year: (-years[year], year)) if years else None


class Trainer:
    """Counts sessions one by one."""

    def __init__(self, specs: Mapping[str, ToolSpec], min_tenants: int, sample: int) -> None:
        self.counts = Counts()
        self._tally = Tally(self.counts)
        self.vault = Vault(min_tenants)
        self.names = FieldNames(min_tenants)
        self.names.publish(_declared(specs))
        self.sample = Sample(sample)
        self._specs = specs
        self.hidden = {name: names for name, spec in specs.items() if (names := spec.sensitive_arguments())}
        self.schema = {name: arguments for name, spec in specs.items() if (arguments := schema_of(spec))}
        self.gated = frozenset(name for name, spec in specs.items() if spec.is_never_launched)
        self._indexer = Indexer(self.hidden, keeps_results=True)
        self._told: dict[int, tuple[Sequence[Item], Sequence[tuple[str, str]]]] = {}  # what the last listings told of
        self._open_paths: set[str] = set()  # of which all names are open, so that nobody need show them
        self._sealing = Naming(sealed, sealed)

    def add(self, session: RecordedSession) -> None:
        """Learn from one session."""
        start = session.start
        tenant = f"tenant {start.tenant}" if start.tenant is not None else f"session {session.id}"
        turns = session.turns
        key = sample_key(session.id, start.tenant, [(call.tool, None) for turn in turns for call in turn.calls])
        undigested = Undigested() if self.sample.wants(key) else None
        after: list[list[str]] = [[] for _ in turns]
        names: dict[str, None] = {}
        for number in range(len(turns) - 1, -1, -1):
            names.update(dict.fromkeys(call.tool for call in turns[number].calls))
            after[number] = list(names)
        state = State(_year_of(session), is_counted=True)
        nothing: frozenset[str] = frozenset()
        named: set[str] = set()
        for number, (history, turn) in enumerate(moments(session)):
            self._catch_up(state, history.events, undigested, tenant)
            calls = [
                learnable(
                    state,
                    call.tool,
                    call.args,
                    self.hidden.get(call.tool, nothing),
                    self.vault,
                    tenant,
                    call.tool in self.gated,
                )
                for call in turn.calls
            ]
            for learned in calls:
                for argument in learned.names:
                    named.update(names_of(argument))
            count_turn(self._tally, state, calls, after[number])
            if undigested is not None:
                made = [
                    (self._specs.get(call.tool) or ToolSpec.undeclared(call.tool), call.args) for call in turn.calls
                ]
                undigested.turn(calls, made, after[number])
        if turns:
            self._catch_up(state, history.events, undigested, tenant)
        count_session(self._tally, state)
        self._show_names(islice(state.pools, MAX_OFFERS), named, tenant)  # others are hardly counted
        if undigested is not None:
            self.sample.add(key, undigested)

    def pour(self) -> None:
        """Complete counts and sample: until then, some of what was added is not in their tables."""
        self._tally.pour()
        self._open_paths.clear()
        self.sample.complete(lambda digest: renamed(digest, self._sealing))

    def _show_names(self, paths: Iterable[str], arguments: Iterable[str], tenant: str) -> None:
        """Record that this tenant showed the names in paths, where any of them is not open yet, and of arguments."""
        paths = set(paths).difference(self._open_paths)
        found = set(chain.from_iterable(map(names_in, paths)))
        self.names.show((name for name in found if not is_seal(name)), arguments, tenant)
        self._open_paths.update([path for path in paths if all(map(self.names.is_open, names_in(path)))])

    def _count_told(self, items: Sequence[Item], tenant: str) -> None:
        found = self._told.get(id(items))
        if found is None:  # else they are the same ones, since they are held
            if len(self._told) >= MAX_RESULTS:
                self._told.clear()
            found = self._told[id(items)] = (items, told_by(items))
        count_told(self.counts, self.vault, tenant, found[1])

    def _catch_up(self, state: State, events: Sequence[object], undigested: Undigested | None, tenant: str) -> None:
        while state.count < len(events):
            event = self._indexer.index(events[state.count], state.when, state.folders)  # type: ignore[arg-type]  # history events
            if undigested is not None:
                undigested.event(event)
            if event.kind == "R":
                self._count_told(event.items, tenant)
            state.take(event)


@without_collection()
def calibrate(
    counts: Counts, vault: Vault, names: FieldNames, sample: Sample, hidden: Mapping[str, frozenset[str]]
) -> Weights:
    """Weights and curves for p_next and for p_use, fitted on the sample, with the names in clear that are in counts."""
    naming = names.naming()
    rows_next: list[tuple[Sequence[float], bool]] = []
    ends: list[int] = []  # of moments, among the rows
    kept: list[tuple[Guess, bool, int, bool]] = []
    seen = 0

    def is_open(digest: str) -> bool:
        return vault.value(digest) is not None

    whole = alone(counts, is_open)
    hashes = sample.hashes()
    together = max(1, int(counts.sessions) // APART, len(hashes) // GROUPS)
    for start in range(0, len(hashes), together):
        if seen >= MAX_TURNS:
            break
        digests = [renamed(sample.get(key), naming) for key in hashes[start : start + together]]
        guesser = Guesser(without(whole, _counted(digests)), StandInValues({}, is_open), hidden)
        for digest in digests:
            guesser.use(StandInValues(digest.aliases, is_open))
            state = State()
            wanted = _wanted(digest)
            for number, turn in enumerate(digest.turns):
                while state.count < turn.events:
                    state.take(digest.events[state.count])
                seen += 1
                made = set(turn.keys)
                for guess in guesser.guesses(state):
                    called = call_key(guess.tool, guess.arguments)
                    is_next = called in made
                    used = is_next or any(
                        number <= later and since <= number for later, since in wanted.get(called, ())
                    )
                    rows_next.append((next_features(guess, state.asked, state.failed), is_next))
                    kept.append((guess, state.asked, state.times_asked, used))
                ends.append(len(kept))
    step = max(1, len(rows_next) // MAX_ROWS)
    weights_next = fit(rows_next[::step], NEXT_START)
    scores = [score(weights_next, features) for features, _ in rows_next]
    beside = [each for start, end in pairwise([0, *ends]) for each in beside_rivals(scores[start:end])]
    rivals = fit([(each, called) for each, (_, called) in zip(beside, rows_next, strict=True)][::step], RIVALS_START)
    if not keeps_order(rivals):
        rivals = RIVALS_START
    scores = [score(rivals, each) for each in beside[::step]]
    rows_next, kept = rows_next[::step], kept[::step]
    curve_next = fit_curve((each, called) for each, (_, called) in zip(scores, rows_next, strict=True))
    rows_use = [
        (use_features(guess, probability(each), asked, times_asked), used)
        for each, (guess, asked, times_asked, used) in zip(scores, kept, strict=True)
    ]
    weights_use = fit(rows_use, USE_START)
    curve_use = fit_curve((score(weights_use, features), used) for features, used in rows_use)
    return weights_next, weights_use, curve_next, curve_use, rivals


def _wanted(digest: Digest) -> dict[Any, list[tuple[int, int]]]:
    """For the key of each call: in which turns it was made, and since which turn its result would still be fresh."""
    wanted: dict[Any, list[tuple[int, int]]] = {}
    for number, turn in enumerate(digest.turns):
        for key, since in zip(turn.keys, turn.fresh_since, strict=True):
            wanted.setdefault(key, []).append((number, since))
    return wanted


def _counted(digests: Iterable[Digest]) -> Counts:
    """What these digests added to the counts they are a part of."""
    tally = Tally(Counts())
    for digest in digests:
        state = State(is_counted=True)
        for turn in digest.turns:
            while state.count < turn.events:
                state.take(digest.events[state.count])
            count_turn(tally, state, turn.calls, turn.later)
        while state.count < len(digest.events):
            state.take(digest.events[state.count])
        count_session(tally, state)
    tally.pour()
    return tally.counts
