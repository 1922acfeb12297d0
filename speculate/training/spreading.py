"""Training on several cores: processes that count batches of sessions, and send back what they counted.

The processes are spawned, never forked: that works on every platform and beside threads, and costs each of them the
import of this package. They end with the parent: when training is done, fails or is interrupted, they are stopped,
and when the parent is killed they read the end of their pipe.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from speculate.errors import SpeculateError
from speculate.siblings import sibling
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

BATCH_CALLS = 100  # about as many calls are sent at once
BATCH_SESSIONS = 50
AHEAD = 2  # batches a process has before it, so that it never waits for the next
STOP_S = 5.0  # a process is given to stop before it is killed


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def counter_of(found: Any) -> Callable[..., Any] | None:
    """What counts a part of the sessions for this class of predictors; None if parts of it do not add up."""
    if callable(getattr(found, "train_part", None)) and callable(getattr(found, "from_part", None)):
        counter: Callable[..., Any] = found.train_part
        return counter
    trains, merges = getattr(found, "train", None), getattr(found, "merge", None)
    return trains if callable(trains) and callable(merges) else None


def count_parts(
    name: str,
    sessions: Iterable[RecordedSession],
    specs: Mapping[str, ToolSpec],
    settings: Mapping[str, Any],
    jobs: int,
    progress: Callable[[], None] | None = None,
) -> list[Any]:
    """What `jobs` processes counted of these sessions: parts that add up to the same whatever went where.

    Raises what counting raised, or SpeculateError if a process died.
    """
    with _processes(jobs, (name, dict(specs), dict(settings))) as workers:
        for batch in _batches(sessions):
            _free(workers, progress).send(batch)
        for worker in workers:
            worker.send(None)
        while any(worker.part is None for worker in workers):
            _receive([worker for worker in workers if worker.part is None], progress)
        return [worker.part for worker in workers]


def _batches(sessions: Iterable[RecordedSession]) -> Iterator[list[RecordedSession]]:
    batch: list[RecordedSession] = []
    calls = 0
    for session in sessions:
        batch.append(session)
        calls += len(session.calls)
        if calls >= BATCH_CALLS or len(batch) >= BATCH_SESSIONS:
            yield batch
            batch, calls = [], 0
    if batch:
        yield batch


class _Worker:
    """One process, as its parent sees it."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process, self.connection = process, connection
        self.ahead = 0  # batches it has not finished
        self.part: Any = None

    def send(self, batch: list[RecordedSession] | None) -> None:
        try:
            self.connection.send(batch)
        except OSError:
            self.receive()  # says why it is gone
            raise
        self.ahead += 1

    def receive(self) -> int:
        """Take its next message: how many sessions it has finished, or its part. Raises what it raised."""
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError) as error:
            self.process.join(STOP_S)
            raise SpeculateError(
                f"a training process died (exit code {self.process.exitcode}): if memory ran out, try fewer --jobs"
            ) from error
        if kind == "done":
            self.ahead -= 1
            return int(content)
        if kind == "part":
            self.part = content
            return 0
        failure, told = content
        failure.add_note(told)
        raise failure


def _free(workers: Sequence[_Worker], progress: Callable[[], None] | None) -> _Worker:
    """The process with the least to do, once one has room."""
    while True:
        worker = min(workers, key=lambda each: each.ahead)
        if worker.ahead < AHEAD:
            return worker
        _receive(workers, progress)


def _receive(workers: Sequence[_Worker], progress: Callable[[], None] | None) -> None:
    by_connection = {worker.connection: worker for worker in workers}
    for connection in wait(list(by_connection)):
        for _ in range(by_connection[connection].receive()):  # type: ignore[index]  # those that were waited for
            if progress is not None:
                progress()


@contextmanager
def _processes(jobs: int, task: tuple[Any, ...]) -> Iterator[list[_Worker]]:
    """Processes that have begun; none is left when the block ends, however it ends."""
    context = multiprocessing.get_context("spawn")
    workers: list[_Worker] = []
    try:
        with _uninterrupted():
            for number in range(jobs):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_work, args=(theirs, *task), name=f"speculate-train-{number}", daemon=True
                )
                process.start()
                theirs.close()
                workers.append(_Worker(process, ours))
        yield workers
    finally:
        for worker in workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join(STOP_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal: those begun in here leave it to their parent."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(
    connection: Connection, name: str, specs: Mapping[str, ToolSpec], settings: Mapping[str, Any]
) -> None:  # fmt: skip
    """A process: count what arrives until there is no more, then send what was counted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):  # nobody is there any more
        try:
            counter = counter_of(sibling("predictors").predictor_class(name))
            if counter is None:
                raise SpeculateError(f"the predictor {name!r} does not add up from parts")
            connection.send(("part", counter(_arriving(connection), specs, **settings)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # whatever it is, the parent raises it
            connection.send(("failed", (_sendable(error), traceback.format_exc())))


def _arriving(connection: Connection) -> Iterator[RecordedSession]:
    while (batch := connection.recv()) is not None:
        yield from batch
        connection.send(("done", len(batch)))


def _sendable(error: Exception) -> Exception:
    """The error, if it is the same after it was sent; else its text."""
    with suppress(Exception):
        if str(pickle.loads(pickle.dumps(error))) == str(error):  # noqa: S301  # made on this line
            return error
    return RuntimeError(f"{type(error).__name__}: {error}")
