"""One pass over recorded runs, whatever their size; then the remedies, on a sample of the sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from speculate.audit.dependence import Knowledge, fan_out_groups
from speculate.audit.edges import Edge
from speculate.audit.flow import walk
from speculate.audit.folds import with_fan_outs, with_recorded_times
from speculate.audit.proposal import Proposal, propose
from speculate.audit.remedies import Structure
from speculate.audit.remedies import measure as measure_structure
from speculate.audit.shapes import SessionShape
from speculate.audit.speculation import Folds, Measured, SweepPoint, Together, measure, measure_together, sweep
from speculate.audit.tallies import MAX_TOOLS, Tallies
from speculate.audit.tally import Reservoir
from speculate.audit.timing import TimedSession, TimedTurn, with_times
from speculate.collecting import fewer_collections
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.replay import LatencyModel, Profile, ReplaySettings, load_profile
from speculate.spec import ToolSpec
from speculate.trace import CallIssued, Problem, RecordedSession, UserSaid, group_sessions, read_traces

SAMPLE_CALLS = 60_000  # calls of sampled sessions kept for the order of calls
REPLAY_BYTES = 48 * 1024 * 1024  # recorded content of the sessions kept for the replay

Progress = Callable[[str, int], None]
"""Is told of what is going on, and how much of it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """How to audit.

    profile: times for what was not recorded. sample, replay_sample: how many sessions, drawn at random, the order of
    calls and the speculation are judged on; sums are over all sessions. speculation: replay, to see what it gives.
    frontier: also over the admission threshold. price: what one call of cost 1 costs, in the user's money. edges: a
    graph of the user's own to compare. draw: sessions whose timelines to keep. on_problem: is told of lines that
    cannot be read; without it they raise.
    """

    profile: Profile = field(default_factory=load_profile)
    policy: Policy = field(default_factory=Policy)
    predictor: str = "pattern"
    seed: int = 0
    sample: int = 1_000
    replay_sample: int = 120
    speculation: bool = True
    frontier: bool = False
    price: float | None = None
    edges: frozenset[Edge] | None = None
    draw: tuple[str, ...] = ()
    on_problem: Problem | None = None


class Specs(Mapping[str, ToolSpec]):
    """The declared tools or, without a manifest, entries proposed from the tools' names as they are met."""

    def __init__(self, declared: Mapping[str, ToolSpec] | None) -> None:
        self.assumed = declared is None
        self.name: str = getattr(declared, "name", "")
        self._declared: Mapping[str, ToolSpec] = declared or {}
        self._known: dict[str, ToolSpec] = dict(self._declared)
        self.proposals: dict[str, Proposal] = {}

    def of(self, call: CallIssued) -> ToolSpec:
        """The call's spec; a tool nobody declared is a write, unless nothing at all was declared."""
        known = self._known.get(call.tool)
        if known is not None:
            return known
        if len(self.proposals) >= MAX_TOOLS:  # a stream of made-up names must not fill the memory
            return ToolSpec.undeclared(call.tool)
        proposal = self.proposals[call.tool] = propose(call.tool, list(call.args))
        spec = self._known[call.tool] = proposal.spec if self.assumed else ToolSpec.undeclared(call.tool)
        return spec

    def __getitem__(self, tool: str) -> ToolSpec:
        return self._known[tool]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(slots=True)
class Collected:
    """What one pass leaves: sums over everything, shapes of a sample, and whole sessions of a smaller one."""

    tallies: Tallies
    specs: Specs
    shapes: list[SessionShape]
    sessions: list[RecordedSession]
    shapes_of_sessions: list[SessionShape]


@dataclass(slots=True)
class Speculated:
    """Speculation on the replayed sessions, as they are and with their fan-outs."""

    times: list[TimedSession]
    groups: list[list[list[TimedTurn]]]
    alone: Measured
    together: Together
    sweep: list[SweepPoint]


@dataclass(slots=True)
class Audit:
    """Everything an audit found; `speculate.audit.document` turns it into JSON."""

    traces: tuple[str, ...]
    manifest: str | None
    settings: AuditSettings
    collected: Collected
    overlapped: bool
    overlap_is_recorded: bool
    timed: list[TimedSession]
    knowledge: Knowledge
    structure: Structure
    speculated: Speculated | None
    why_not_speculated: str | None

    @property
    def modelled(self) -> bool:
        return any(session.modelled for session in self.timed)


def collect(
    sessions: Iterable[RecordedSession],
    specs: Specs,
    settings: AuditSettings,
    progress: Progress | None = None,
) -> Collected:
    """Walk every session once; memory holds the open ones, the sums and the samples."""
    tallies = Tallies(settings.edges or frozenset())
    random = Random(settings.seed)  # noqa: S311  # a seeded sample, nothing secret
    shapes: Reservoir[SessionShape] = Reservoir(settings.sample, random, SAMPLE_CALLS)
    whole: Reservoir[tuple[RecordedSession, SessionShape]] = Reservoir(
        settings.replay_sample if settings.speculation else 0, random, REPLAY_BYTES
    )
    wanted: dict[str, tuple[RecordedSession, SessionShape]] = {}
    with fewer_collections():
        for session in sessions:
            tallies.begin(session.start.task or session.id)
            shape = walk(session, specs.of, tallies.call)
            tallies.session(shape, _extent(session))
            if (place := shapes.wants()) is not None:
                shapes.put(place, shape, len(shape.calls))
            if session.id in settings.draw:
                wanted.setdefault(session.id, (session, shape))
            elif (place := whole.wants()) is not None:
                whole.put(place, (session, shape), shape.weight)
            if progress is not None:
                progress("reading", 1)
    kept = [*wanted.values(), *whole.items()]
    return Collected(tallies, specs, shapes.items(), [session for session, _ in kept], [shape for _, shape in kept])


def _extent(session: RecordedSession) -> float | None:
    """Seconds from the first to the last recorded instant; None where too little was recorded."""
    first: float | None = None
    last: float | None = None
    for step in session.steps:
        if isinstance(step, UserSaid):
            instants = [step.at]
        else:
            asked = step.record.at
            instants = [asked, None if asked is None or step.record.llm_s is None else asked + step.record.llm_s]
            instants += [call.at for call in step.calls]
            instants += [result.at for result in step.results.values()]
        for at in instants:
            if at is not None:
                first = at if first is None or at < first else first
                last = at if last is None or at > last else last
    return None if first is None or last is None or last <= first else last - first


def audit(
    traces: Iterable[str | Path],
    manifest: Mapping[str, ToolSpec] | None = None,
    settings: AuditSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Audit:
    """Read the traces once, and judge every remedy. Raises TraceError, SpeculateError."""
    settings = settings or AuditSettings()
    paths = tuple(str(path) for path in traces)
    specs = Specs(manifest)
    records = read_traces(paths, settings.on_problem)
    collected = collect(group_sessions(records), specs, settings, progress)
    tallies = collected.tallies
    if not tallies.sessions:
        raise SpeculateError(f"no session in {', '.join(paths)}")
    knowledge = Knowledge.of(tallies)
    overlap_is_recorded = bool(tallies.overlapped_turns or tallies.serial_turns)
    overlapped = tallies.overlapped_turns > tallies.serial_turns
    latency = LatencyModel.fitted(settings.profile, collected.sessions, settings.seed)
    timed = [with_times(shape, latency) for shape in collected.shapes]
    speculated: Speculated | None = None
    why_not: str | None = "it was not asked for"
    if settings.speculation:
        speculated, why_not = _speculate(collected, knowledge, latency, settings, progress)
    return Audit(
        traces=paths,
        manifest=getattr(manifest, "file", None) or getattr(manifest, "name", None),
        settings=settings,
        collected=collected,
        overlapped=overlapped,
        overlap_is_recorded=overlap_is_recorded,
        timed=timed,
        knowledge=knowledge,
        structure=measure_structure(timed, knowledge, overlapped),
        speculated=speculated,
        why_not_speculated=why_not,
    )


def _speculate(
    collected: Collected,
    knowledge: Knowledge,
    latency: LatencyModel,
    settings: AuditSettings,
    progress: Progress | None,
) -> tuple[Speculated | None, str | None]:
    """Replay the sampled sessions as they are and fanned out; or why that cannot be done."""
    if not any(tally.speculable for tally in collected.tallies.tools.values()):
        return None, "no call may be started early"
    times = [with_times(shape, latency) for shape in collected.shapes_of_sessions]
    sessions = [with_recorded_times(session, timed) for session, timed in zip(collected.sessions, times, strict=True)]
    groups = [fan_out_groups(timed, knowledge) for timed in times]
    fanned = [with_fan_outs(session, group) for session, group in zip(sessions, groups, strict=True)]
    folds = Folds.train(sessions, collected.specs, settings.predictor)
    fanned_folds = Folds.train(fanned, collected.specs, settings.predictor)
    if folds is None or fanned_folds is None:
        return None, "there are too few sessions (or tasks) to learn from some and judge on others"
    replayed = ReplaySettings(policy=settings.policy, profile=settings.profile, seed=settings.seed)

    def told() -> None:
        if progress is not None:
            progress("replaying", 1)

    alone = measure(sessions, collected.specs, folds, replace(replayed, frontier=settings.frontier), told)
    together = measure_together(fanned, collected.specs, fanned_folds, replayed, told)
    points = sweep(sessions, collected.specs, folds, replayed, alone, told)
    return Speculated(times=times, groups=groups, alone=alone, together=together, sweep=points), None
