"""Plans that are dispatched while they are written: a planner's stream, a join step, bounded replans.

After LLMCompiler (Kim et al., arXiv 2312.04511): the planner streams tasks, each starts as soon as its inputs are
there, and the join step finishes or asks for another round, which goes on from the results so far.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from speculate.errors import PlanError, SpeculateError
from speculate.fanout.limits import NO_LIMITS, Limits
from speculate.plan.host import toolbox_of
from speculate.plan.incremental import IncrementalCompiler
from speculate.plan.model import Handoff, Task
from speculate.plan.outcome import PlanFailed, PlanOutcome
from speculate.plan.placeholders import as_text, read_template
from speculate.plan.readers import CallsReader, Item, Join, JsonLinesReader, Malformed, NumberedReader, Reader
from speculate.plan.run import TASK_TIMEOUT_S, PlanRun
from speculate.plan.schedule import State
from speculate.plan.toolbox import Toolbox

if TYPE_CHECKING:
    from speculate.runtime.session import Session

CHARACTERS_PER_TOKEN = 4  # of JSON text, a common rule of thumb; used for the comparison only


@dataclass(frozen=True, slots=True)
class Finish:
    """The join step has the answer."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Replan:
    """The join step wants another round; the planner is told `feedback`."""

    feedback: str = ""


@dataclass(slots=True)
class Usage:
    """Model turns and tokens, as told through `used`."""

    turns: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class PlanningContext:
    """What a planner or a join step sees. `round` counts from 0.

    results: what is done so far, by task id. failures: what failed or was skipped, and why. next_id: the first
    number not yet taken. malformed: lines of the planner that were no task.
    """

    round: int
    results: Mapping[str, Any]
    failures: Mapping[str, str]
    feedback: str
    next_id: int
    malformed: tuple[Malformed, ...] = ()
    usage: Usage = field(default_factory=Usage, repr=False)

    def used(self, tokens_in: int = 0, tokens_out: int = 0) -> None:
        """Tell what one turn of the model took."""
        self.usage.turns += 1
        self.usage.tokens_in += tokens_in
        self.usage.tokens_out += tokens_out


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What the plan took of the model, beside an agent that makes one call a turn.

    turns: one a round, and those of the join step it told of. one_call_turns: a turn for each call that ran and one
    for the answer. one_call_tokens_in: an estimate, where the planner told its tokens: every turn reads the first
    prompt and all results so far again. None: not known.
    """

    turns: int
    tokens_in: int
    tokens_out: int
    one_call_turns: int
    one_call_tokens_in: int | None


@dataclass(frozen=True, slots=True)
class PlannedOutcome:
    """A planned run: the join step's answer, every task of every round, what was malformed, what it cost."""

    answer: Any
    finished: bool
    rounds: int
    plan: PlanOutcome
    malformed: tuple[Malformed, ...]
    cost: ModelCost

    @property
    def ok(self) -> bool:
        """Whether the join step finished. Failed tasks and malformed lines were its to judge."""
        return self.finished

    def result(self) -> Any:
        """The answer; raises PlanFailed if it never came to one."""
        if not self.finished:
            raise PlanFailed(self.plan)
        return self.answer

    def story(self) -> str:
        """The plan's story, and what the planner wrote that was no task."""
        return "\n".join([self.plan.story(), *(f"not a task: {each}" for each in self.malformed)])


Planner = Callable[[PlanningContext], AsyncIterable[Any]]
JoinStep = Callable[[PlanningContext], Awaitable[Finish | Replan]]
Format = Literal["numbered", "jsonl", "calls"]


async def run_planned(
    session: Session,
    planner: Planner,
    join: JoinStep | None = None,
    *,
    reads: Format | Callable[[PlanningContext], Reader] = "numbered",
    on_malformed: Literal["go on", "stop"] = "go on",
    max_replans: int = 2,
    max_tasks: int = 1000,
    limits: Limits = NO_LIMITS,
    deadline_s: float | None = None,
    task_timeout_s: float | None = TASK_TIMEOUT_S,
    compensate: bool = True,
    start_early: bool = True,
    draw: random.Random | None = None,
) -> PlannedOutcome:
    """Run what `planner` writes while it writes it; then let `join` finish or ask for another round.

    planner: gives pieces of text, or whole tool calls, as its format says. join: without one the answer is what the
    tasks give that nothing else uses. on_malformed: after a line that is no task the rest still runs, or everything
    is stopped. max_replans, max_tasks: bounds of the whole; past them it ends without an answer. A task that is the
    same call as one that is done takes its result. If this is cancelled, nothing is left running.
    """
    if on_malformed not in ("go on", "stop"):
        raise SpeculateError(f'on_malformed is "go on" or "stop", not {on_malformed!r}')
    run = PlanRun(session, "planned", limits, start_early=start_early, task_timeout_s=task_timeout_s, draw=draw)
    planned = _Planned(run, toolbox_of(session), planner, join, reads, on_malformed == "stop", max_replans, max_tasks)
    try:
        async with asyncio.timeout(deadline_s):
            await planned.rounds()
    except TimeoutError:
        run.cancel(f"it was not done within {deadline_s:g} s")
    except BaseException:
        await run.stop("its caller was cancelled")
        raise
    run.end_of_plan()
    outcome = await run.outcome(compensate=compensate and not planned.finished)
    answer = planned.answer if join is not None else outcome.value
    return PlannedOutcome(
        answer, planned.finished, planned.round + 1, outcome, tuple(planned.malformed), planned.cost(outcome)
    )


class _Stopped(Exception):
    """Nothing more is to be read."""


class _Planned:
    """The rounds of one planned run."""

    def __init__(
        self,
        run: PlanRun,
        toolbox: Toolbox,
        planner: Planner,
        join: JoinStep | None,
        reads: Format | Callable[[PlanningContext], Reader],
        stops: bool,
        max_replans: int,
        max_tasks: int,
    ) -> None:
        self.answer: Any = None
        self.finished = False
        self.round = 0
        self.malformed: list[Malformed] = []
        self._run, self._toolbox, self._planner, self._join = run, toolbox, planner, join
        self._reads, self._stops, self._max_replans, self._max_tasks = reads, stops, max_replans, max_tasks
        self._compiler = IncrementalCompiler(toolbox)
        self._usage, self._first_prompt = Usage(), 0
        self._next_id = 1
        self._joins = 0
        self._feedback = ""

    async def rounds(self) -> None:
        try:
            while True:
                await self._read_round()
                await self._run.settled()
                if await self._is_finished():
                    return
                if self.round >= self._max_replans:
                    self._run.problems.append(f"the join step wanted more than {self._max_replans} replans")
                    return
                self._run.remember()
                self.round += 1
        except _Stopped as stopped:
            await self._run.stop(str(stopped))

    async def _is_finished(self) -> bool:
        if self._join is None:
            self.finished = not self._run.problems
            return True
        before = self._usage.turns
        decision = await self._join(self._context())
        self._joins += self._usage.turns - before
        if isinstance(decision, Finish):
            self.answer, self.finished = decision.answer, True
            return True
        if not isinstance(decision, Replan):
            raise PlanError(f"a join step answers Finish(answer) or Replan(feedback), not {decision!r}")
        self._feedback = decision.feedback
        return False

    def _context(self) -> PlanningContext:
        run = self._run
        failures = {
            node.id: run.reason(position)
            for position, node in enumerate(run.nodes)
            if run.state(position) in (State.FAILED, State.SKIPPED)
        }
        return PlanningContext(
            self.round,
            MappingProxyType({run.nodes[position].id: value for position, value in run.values.items()}),
            MappingProxyType(failures),
            self._feedback,
            self._next_id,
            tuple(self.malformed),
            self._usage,
        )

    def _reader(self, context: PlanningContext) -> Reader:
        if callable(self._reads):
            return self._reads(context)
        if self._reads == "numbered":
            schemas = self._toolbox.schemas
            return NumberedReader({name: schemas[name].names() for name in schemas})
        if self._reads == "jsonl":
            return JsonLinesReader()
        if self._reads == "calls":
            return CallsReader(context.next_id)
        raise PlanError(f'reads is "numbered", "jsonl", "calls" or a function that makes a reader, not {self._reads!r}')

    async def _read_round(self) -> None:
        context = self._context()
        reader = self._reader(context)
        try:
            async for piece in self._planner(context):
                if self._take(reader.feed(piece)):
                    break
            else:
                self._take(reader.end())
        except _Stopped:
            raise
        except Exception as error:  # the planner is the application's own; what it wrote before still runs
            self._run.problems.append(f"the planner failed: {type(error).__name__}: {error}")
            self._take(reader.end())
        if self.round == 0:
            self._first_prompt = self._usage.tokens_in

    def _take(self, items: list[Item]) -> bool:
        """Start what was written. True: the planner asked for the join step."""
        for item in items:
            if isinstance(item, Join):
                return True
            if isinstance(item, Malformed):
                self._refuse(item)
            else:
                self._add(item)
        return False

    def _refuse(self, item: Malformed) -> None:
        self.malformed.append(item)
        if self._stops:
            raise _Stopped(str(item))

    def _add(self, task: Task | Handoff) -> None:
        if len(self._run.nodes) >= self._max_tasks:
            raise _Stopped(f"the planner wrote more than {self._max_tasks} tasks")
        if task.id.isdecimal():
            self._next_id = max(self._next_id, int(task.id) + 1)
        known = self._run.index.get(task.id)
        if known is not None and self._is_same(known, task):
            return  # a planner that repeats its list: the task is there, and so is its result
        try:
            nodes = self._compiler.add(task)
        except PlanError as error:
            self._refuse(Malformed(0, f"task {task.id}", error.problem))
            return
        self._run.add(nodes)
        for node in nodes:
            self._run.lift(self._run.index[node.id])

    def _is_same(self, known: int, task: Task | Handoff) -> bool:
        node = self._run.nodes[known]
        if isinstance(task, Handoff) or self._run.state(known) in (State.FAILED, State.SKIPPED):
            return False
        return node.tool == task.tool and node.tree == read_template(dict(task.arguments)).tree

    def cost(self, outcome: PlanOutcome) -> ModelCost:
        ran = [task for task in outcome.done if task.tool is not None and task.carried_from is None]
        tokens: int | None = None
        if self._first_prompt:
            tokens, seen = self._first_prompt, 0
            for task in sorted(ran, key=lambda each: each.ended_as):
                seen += len(as_text(task.value)) // CHARACTERS_PER_TOKEN
                tokens += self._first_prompt + seen
        calls = sum(task.tool is not None and task.attempts > 0 for task in outcome.tasks.values())
        return ModelCost(self.round + 1 + self._joins, self._usage.tokens_in, self._usage.tokens_out, calls + 1, tokens)
