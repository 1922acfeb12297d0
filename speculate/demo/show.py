"""The demo's course: record training runs, train, serve the same tasks with speculation off and on, compare.

Training runs and shown tasks have different customers. Each arm starts from the same shop in a folder of its own and
meets the same latencies and thinking times; only speculation differs.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from predictors import save_predictor
from predictors.pattern import PatternPredictor
from speculate import Runtime, SpeculateError
from speculate.calls import Served
from speculate.core.ledger import Ledger
from speculate.demo.agent import answer
from speculate.demo.policy import Task, make_tasks
from speculate.demo.services import Services
from speculate.demo.shop import Shop, Workspace, make_shop
from speculate.demo.tools import ShopTools
from speculate.metrics import PrometheusMetrics, serve
from speculate.notices import CallEnded, Notice, Observer
from speculate.prediction import Predictor
from speculate.recorder import TraceRecorder
from speculate.replay import replay
from speculate.trace import RecordedSession, read_sessions
from toolspecs import Manifest

TRAINING_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Step:
    """The next part of the demo begins."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A task was answered, in `seconds`. `speculation` says in which arm."""

    task: Task
    speculation: bool
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Serving:
    """Metrics can be scraped at `url` until the arm with speculation ends."""

    url: str


@dataclass(frozen=True, slots=True)
class Scraped:
    """What the metrics endpoint said after a task."""

    hits: int
    speculable: int
    launched: int


Event = Step | Answered | Serving | Scraped


@dataclass(slots=True)
class Arm:
    """One way of running the tasks: answers and seconds by task id, how calls were served, what the world became."""

    answers: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    served: dict[Served, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    world: list[str] = field(default_factory=list)

    @property
    def total_s(self) -> float:
        """Seconds of all tasks together, one after the other."""
        return sum(self.seconds.values())

    def notice(self, notice: Notice) -> None:
        """Counts real calls: an arm is its own observer."""
        if isinstance(notice, CallEnded):
            self.served[notice.served] = self.served.get(notice.served, 0) + 1


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo found. `replay` is the replay of its own recording, with the keys of `speculate replay`."""

    tasks: Sequence[Task]
    off: Arm
    on: Arm
    replay: dict[str, Any]
    folder: Path

    @property
    def same_answers(self) -> bool:
        return self.off.answers == self.on.answers

    @property
    def same_world(self) -> bool:
        """Whether both arms left the database with the same contents."""
        return self.off.world == self.on.world

    @property
    def saved_share(self) -> float:
        return 1 - self.on.total_s / self.off.total_s

    def to_document(self) -> dict[str, Any]:
        """The result as JSON values."""
        hits = sum(count for served, count in self.on.served.items() if served.is_hit)
        return {
            "tasks": [
                {
                    "id": task.id,
                    "question": task.question,
                    "answer": self.on.answers[task.id],
                    "off_s": self.off.seconds[task.id],
                    "on_s": self.on.seconds[task.id],
                }
                for task in self.tasks
            ],
            "same_answers": self.same_answers,
            "same_world": self.same_world,
            "off_s": self.off.total_s,
            "on_s": self.on.total_s,
            "saved_share": self.saved_share,
            "hits": hits,
            "served": {served.value: count for served, count in self.on.served.items()},
            "ledger": asdict(self.on.ledger),
            "replay": self.replay,
            "folder": str(self.folder),
        }


class Show:
    """One run of the demo in `folder`, which is made anew.

    seed: everything made up follows from it. tasks: how many are shown. training: how many runs are recorded first.
    pace: a factor on the times of model and services. port: of the metrics endpoint, 0 for any free one.
    tell: is told what happens.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[Event], None],
        *,
        seed: int = 7,
        tasks: int = 8,
        training: int = 32,
        pace: float = 1.0,
        port: int = 0,
    ) -> None:
        self.folder, self.tell = folder, tell
        self.seed, self.pace, self.port = seed, pace, port
        self.shop: Shop = make_shop(seed)
        half = len(self.shop.customers) // 2
        known, unknown = self.shop.customers[:half], self.shop.customers[half:]
        self.training = make_tasks(self.shop, seed, "training", training, known)
        self.tasks = make_tasks(self.shop, seed, "task", tasks, unknown)
        with as_file(files("speculate.demo") / "shop.toml") as path:
            self.manifest = Manifest.load(path)

    def run(self) -> Result:
        """The whole demo, on an event loop of its own. Raises SpeculateError if the folder cannot be used."""
        self._clear()
        predictor, off, on = asyncio.run(self._live())
        self.tell(Step("Replaying the runs just recorded without speculation, on a virtual clock"))
        return Result(self.tasks, off, on, self._replay(predictor), self.folder)

    async def _live(self) -> tuple[PatternPredictor, Arm, Arm]:
        self.tell(Step(f"Recording {len(self.training)} runs to learn from, speculation off"))
        await self._record_training()
        sessions = read_sessions(self.folder / "training.jsonl")
        self.tell(Step("Training the pattern predictor on them"))
        predictor = PatternPredictor.train(sessions, self.manifest)
        save_predictor(predictor, self.folder / "model.json")
        self.tell(Step(f"{len(self.tasks)} tasks of other customers, speculation off"))
        off = await self._arm("off", sessions, None)
        self.tell(Step("The same tasks, speculation on"))
        on = await self._arm("on", sessions, predictor)
        return predictor, off, on

    def _clear(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "shop.toml").exists():
            raise SpeculateError(f"{self.folder} is not empty and not an earlier demo's; name another --output")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.manifest.dump(self.folder / "shop.toml")

    def _runtime(
        self, workspace: Workspace, port: int, predictor: Predictor | None, observers: Iterable[Observer]
    ) -> Runtime:
        return Runtime(
            ShopTools(workspace, port).all(),
            manifest=self.manifest,
            predictor=predictor,
            observers=[*observers],
            speculation=predictor is not None,
        )

    async def _record_training(self) -> None:
        workspace = Workspace.create(self.folder / "training", self.shop)
        recorder = TraceRecorder(self.folder / "training.jsonl", self.manifest, model="scripted", dataset="demo")
        turns = asyncio.Semaphore(TRAINING_AT_ONCE)

        async def one(task: Task) -> None:
            async with turns:
                await answer(runtime, task, self.pace)

        try:
            with Services(self.shop.services, self.seed, self.pace) as services:
                async with self._runtime(workspace, services.port, None, [recorder]) as runtime:
                    await asyncio.gather(*(one(task) for task in self.training))
        finally:
            recorder.close()

    async def _arm(self, name: str, sessions: Sequence[RecordedSession], predictor: Predictor | None) -> Arm:
        arm = Arm()
        workspace = Workspace.create(self.folder / name, self.shop)
        recorder = TraceRecorder(self.folder / f"{name}.jsonl", self.manifest, model="scripted", dataset="demo")
        metrics = PrometheusMetrics(tools=self.manifest)
        clock = asyncio.get_running_loop()
        try:
            with Services(self.shop.services, self.seed, self.pace) as services, serve(metrics, self.port) as endpoint:
                async with self._runtime(workspace, services.port, predictor, [recorder, metrics, arm]) as runtime:
                    _seed_times(runtime, sessions)
                    if predictor is not None:
                        self.tell(Serving(endpoint.url))
                    for task in self.tasks:
                        began = clock.time()
                        text = await answer(runtime, task, self.pace)
                        arm.seconds[task.id] = clock.time() - began
                        arm.answers[task.id] = text
                        self.tell(Answered(task, predictor is not None, text, arm.seconds[task.id]))
                        if predictor is not None:
                            self.tell(await asyncio.to_thread(_scrape, endpoint.url))
                    arm.ledger = runtime.ledger
        finally:
            recorder.close()
        arm.world = workspace.contents()
        return arm

    def _replay(self, predictor: Predictor) -> dict[str, Any]:
        """What replay makes of the recording without speculation: it should foretell what was measured."""
        training, recorded = (read_sessions(self.folder / name) for name in ("training.jsonl", "off.jsonl"))
        return replay(training, recorded, self.manifest, predictor).document()


def _seed_times(runtime: Runtime, sessions: Iterable[RecordedSession]) -> None:
    """Tell a fresh runtime how long tools and the model took in the recorded runs."""
    seconds: dict[str, list[float]] = {}
    thinking: list[float] = []
    for session in sessions:
        for turn in session.turns:
            if turn.record.llm_s is not None:
                thinking.append(turn.record.llm_s)
            for call in turn.calls:
                result = turn.results.get(call.id)
                if result is not None and result.tool_s is not None:
                    seconds.setdefault(call.tool, []).append(result.tool_s)
    for tool, taken in seconds.items():
        runtime.seed_latency(tool, taken)
    runtime.seed_lead(thinking)


def _scrape(url: str) -> Scraped:
    """The funnel so far, from the endpoint itself."""
    with urlopen(url, timeout=10) as reply:  # noqa: S310 - the URL of our own endpoint
        text = reply.read().decode()
    hits = speculable = launched = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "speculate_calls_total" and sample.labels["speculable"] == "true":
                speculable += sample.value
                hits += sample.value if sample.labels["served"] in ("ready", "joined") else 0
            elif sample.name == "speculate_launches_total":
                launched += sample.value
    return Scraped(int(hits), int(speculable), int(launched))
