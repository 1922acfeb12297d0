"""The runtime: one brain, the tools, and the sessions of one process."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from speculate.calls import ToolCall
from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.brain import Brain
from speculate.core.ledger import Ledger
from speculate.core.policy import Policy
from speculate.errors import ManifestError, RuntimeClosed, SpeculateError
from speculate.notices import Fault, LaunchDenied, Launched, LaunchRetired, Notice, Observer
from speculate.prediction import Drafter, Predictor
from speculate.runtime.calling import withdraw
from speculate.runtime.launching import Launcher, LaunchRun
from speculate.runtime.observing import Observers
from speculate.runtime.predicting import GuardedDrafter, GuardedPredictor
from speculate.runtime.session import Session
from speculate.runtime.tasks import TaskSet
from speculate.runtime.ticket import Ticket
from speculate.runtime.tools import collect, own
from speculate.spec import Effect, ToolSpec

_log = logging.getLogger(__name__)

MAX_REAL_THREADS = 128  # far above what asyncio.to_thread would give, so that a real call does not queue

Confirmer = Callable[[ToolCall], Awaitable[bool]]


class Runtime:
    """Runs an agent's tool calls, and starts the likely ones early.

    tools: names to callables (async, sync, or AbortableTool), or an iterable of functions.
    manifest: names to ToolSpecs; what a tool does. A tool without an entry, here or by `@speculate.tool`, is a
        write and never launched early.
    predictor, drafters: who guesses. Without either nothing is launched (but streamed calls).
    confirmer: asked before a call whose entry says `confirm`; without one such calls are refused.
    observers: told everything (metrics, recorder).
    context_variables: where one of these differs between launch and real call, the launch is not used.
    is_error: whether a returned value is a returned error (for the records, and so that a write's error is not handed
        out to its repeat; it is delivered like any other).
    speculation: False runs everything as usual and launches nothing.
    learn: whether the predictor observes the real calls.

    Raises ManifestError if the tools and their entries do not fit together.
    """

    def __init__(
        self,
        tools: Mapping[str, Any] | Iterable[Any],
        manifest: Mapping[str, ToolSpec] | None = None,
        predictor: Predictor | None = None,
        *,
        drafters: Sequence[Drafter] = (),
        policy: Policy | None = None,
        confirmer: Confirmer | None = None,
        observers: Sequence[Observer] = (),
        context_variables: Sequence[contextvars.ContextVar[Any]] = (),
        is_error: Callable[[Any], bool] | None = None,
        speculation: bool = True,
        learn: bool = True,
    ) -> None:
        self.policy = policy or Policy()
        self.tools = collect(tools)
        self.speculation, self.learn = speculation, learn
        self.confirmer, self.is_error = confirmer, is_error
        self._specs = self._collect_specs(tools, manifest)
        self._check()
        self.context_variables = tuple(context_variables)
        self.brain = Brain(self.policy)
        self.observers = Observers(observers, self.policy.fault_limit)
        self.predictor = (
            GuardedPredictor(self, predictor, self.policy.fault_limit, self.policy.predict_limit_s)
            if predictor is not None
            else None
        )
        self.drafters = [GuardedDrafter(self, drafter) for drafter in drafters]
        self.guesses = predictor is not None or bool(drafters)  # whether anybody does
        self.tasks = TaskSet()
        self.launcher = Launcher(self, self.tasks)
        self.sessions: dict[str, Session] = {}
        self.tickets: dict[int, Ticket] = {}
        self.outcomes: dict[int, Any] = {}  # what calls with a dedup key returned, by number, while the brain may ask
        self._loop: asyncio.AbstractEventLoop | None = None
        # Seconds on the runtime's clock, the loop's: its very method as soon as there is a loop, it is asked so often.
        self.now: Callable[[], float] = self._first_now
        self._threads: ThreadPoolExecutor | None = None
        self._numbers = itertools.count(1)
        self._session_numbers = itertools.count(1)
        self._stimuli: deque[s.Stimulus] = deque()
        self._feeding = False
        self._closed = False
        self._do: dict[type[Any], Callable[[Any], None]] = {
            c.Launch: lambda command: self.launcher.launch(command),
            c.Abort: lambda command: self.launcher.abort(command.id),
            c.Discard: lambda command: self.launcher.discard(command.id),
            LaunchDenied: self.tell,
            Launched: self.tell,
            LaunchRetired: self.tell,
            Fault: self.tell,
        }
        for kind in (c.Deliver, c.Join, c.Apply, c.Run, c.RunBeside, c.Confirm, c.Refuse):
            self._do[kind] = self._put
        self._do[c.Reuse] = self._reuse
        self._do[c.Forget] = lambda command: self.outcomes.pop(command.first, None)

    def _collect_specs(
        self, tools: Mapping[str, Any] | Iterable[Any], manifest: Mapping[str, ToolSpec] | None
    ) -> dict[str, ToolSpec]:
        """Entries by name: the manifest's own word counts before what the code declares."""
        specs: dict[str, ToolSpec] = {}
        for name, tool in self.tools.items():
            declared = getattr(tool.function, "__speculate_spec__", None)
            if isinstance(declared, ToolSpec):
                specs[name] = declared
        if manifest is not None:
            specs.update({name: manifest[name] for name in manifest})
        return specs

    def _check(self) -> None:
        for name, tool in self.tools.items():
            spec = self._specs.get(name)
            if spec is None:
                continue
            effects = {spec.effect, *(rule.effect for rule in spec.when)}
            if Effect.ABORTABLE in effects and tool.abortable is None:
                raise ManifestError(
                    "declared abortable, but prepare, commit and abort are not registered; "
                    "register an AbortableTool, or declare it a write",
                    tool=name,
                    field="effect",
                )
            if Effect.READ in effects and tool.abortable is not None:
                raise ManifestError(
                    'an AbortableTool is registered, but the entry says "read"; declare it abortable or a write',
                    tool=name,
                    field="effect",
                )

    # Time and observers

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop this runtime lives on: the one it was first used on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _first_now(self) -> float:
        self.now = self.loop.time
        return self.now()

    def tell(self, notice: Notice) -> None:
        """Tell the observers."""
        if self.observers.any:
            self.observers.tell(notice)

    @property
    def ledger(self) -> Ledger:
        """The running account of launches."""
        return self.brain.ledger

    def seed_latency(self, tool: str, seconds: Iterable[float]) -> None:
        """Tell how long a tool took in recorded runs, oldest first, so that a fresh runtime need not guess."""
        self.brain.latencies.seed(tool, seconds)

    def seed_lead(self, seconds: Iterable[float]) -> None:
        """Tell how long the model thought between a result and its next call in recorded runs."""
        for value in seconds:
            self.brain.latencies.lead.add(value)

    def spec(self, tool: str) -> ToolSpec:
        """The tool's entry; a tool nobody declared is a write (law L2)."""
        found = self._specs.get(tool)
        if found is None:
            found = ToolSpec.undeclared(tool)
            if tool in self.tools:
                self._specs[tool] = found
        return found

    def context_values(self) -> tuple[Any, ...]:
        """The declared context variables as they stand in the caller's context."""
        if not self.context_variables:
            return ()
        return tuple([own(variable.get(None)) for variable in self.context_variables])

    # The brain's stimuli and commands

    def feed(self, stimulus: s.Stimulus) -> None:
        """Tell the brain, and carry out what it orders, in order, before the next stimulus."""
        queue = self._stimuli
        if self._feeding:  # an eager task reported back while its command was still being carried out
            queue.append(stimulus)
            return
        if queue:  # carrying out the last one was broken off
            queue.append(stimulus)
            stimulus = queue.popleft()
        self._feeding = True
        do = self._do
        try:
            while True:
                try:
                    commands = self.brain.handle(stimulus)
                except Exception as error:  # a defect of ours: counted and contained (law L9), and real calls go on
                    commands = self._retreat(stimulus, error)
                for command in commands:
                    try:
                        do[type(command)](command)
                    except Exception as error:  # as above: what is ordered behind it must be carried out all the same
                        self._could_not(command, error)
                if not queue:
                    return
                stimulus = queue.popleft()
        finally:
            self._feeding = False

    def _retreat(self, stimulus: s.Stimulus, error: Exception) -> list[c.Command]:
        _log.error("a defect in the runtime; speculation is off from here on", exc_info=error)
        self.speculation = False
        return self.brain.retreat(stimulus, error)

    def _could_not(self, command: c.Command, error: Exception) -> None:
        """An order could not be carried out. A launch counts as one that raised; nothing else may be lost."""
        _log.error("%s could not be carried out", type(command).__name__, exc_info=error)
        self.speculation = False
        what = f"{type(command).__name__} could not be carried out: {error!r}; nothing is predicted any more"
        self.tell(Fault(self.now(), None, "core", type(error).__name__, what))
        if isinstance(command, c.Launch):
            self.launcher.could_not(command.id)

    def _put(self, command: Any) -> None:
        ticket = self.tickets.get(command.number)
        if ticket is not None:
            ticket.put(command)
        else:
            withdraw(self, command)

    def _reuse(self, command: c.Reuse) -> None:
        """The outcome is handed over with the word: by the time it is read, it may be forgotten."""
        ticket = self.tickets.get(command.number)
        if ticket is not None:
            ticket.reused = self.outcomes.get(command.first)
            ticket.put(command)

    def launch_finished(self, run: LaunchRun) -> None:
        """A guess's result is there: the session may predict from it."""
        session = self.sessions.get(run.session)
        if session is not None:
            session.guessing.launch_finished(run)

    def returned_error(self, value: Any) -> bool:
        """Whether the application takes this returned value for an error."""
        if self.is_error is None:
            return False
        try:
            return bool(self.is_error(value))
        except Exception:  # foreign code: the value is delivered all the same
            _log.warning("is_error failed", exc_info=True)
            return False

    def next_number(self) -> int:
        return next(self._numbers)

    def real_threads(self) -> ThreadPoolExecutor:
        """Threads for real calls of sync tools; guesses have threads of their own."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_REAL_THREADS, thread_name_prefix="speculate-real")
        return self._threads

    # Sessions

    def session(self, id: str | None = None, *, tenant: str | None = None, user: str | None = None) -> Session:
        """A new session, an async context manager. `user` is the first thing the user typed.

        Raises RuntimeClosed, or SpeculateError if a session of this id is open.
        """
        if self._closed:
            raise RuntimeClosed("this runtime was closed; make a new one")
        if id is None:
            id = f"session-{next(self._session_numbers)}"
        if id in self.sessions:
            raise SpeculateError(f"a session with the id {id!r} is open; give each session its own id")
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise SpeculateError("this runtime belongs to another event loop; make one runtime per loop")
        session = Session(self, id, tenant)
        self.sessions[id] = session
        session.open()
        if user is not None:
            session.saw_user(user)
        return session

    async def close(self) -> list[str]:
        """Close all sessions, abort what runs, and name what would not stop within the grace (law L8)."""
        self._closed = True
        unstopped: list[str] = []
        until = self.now() + self.policy.grace_s
        # All at once: the grace is one for all of them, however many hang.
        closers = TaskSet()
        closing = [closers.start(session.close(), name=f"close {id}") for id, session in self.sessions.items()]
        closing.append(closers.start(self.tasks.close(self.policy.grace_s), name="close the rest"))
        for task in closing:
            unstopped += await task
        # What came up meanwhile: a launch that ended late may have left something staged.
        unstopped += await self.tasks.close(max(0.0, until - self.now()))
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=False)
            self._threads = None
        return list(dict.fromkeys(unstopped))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unstopped = await self.close()
        if unstopped:
            _log.warning("would not stop within %g s: %s", self.policy.grace_s, ", ".join(unstopped))

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Runtime {state}: {len(self.tools)} tools, {len(self.sessions)} sessions, {self.brain!r}>"
