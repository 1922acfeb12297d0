"""Records runs as they happen: an observer that appends trace v1 to a file, off the hot path.

A notice costs the event loop one copy of its arguments and one `put`; a thread of the recorder's own encodes and
writes, a moment later (or, with `at_once`, the event loop does, before the notice returns). Whatever becomes of the
file (no space, no permission, a slow disk), calls go on: what cannot be kept is counted in `dropped` and said once in
the log. Every line is one `write` to a file opened for appending, so several recorders and processes may share a
file, and a killed one leaves at most one torn line, which the next to append marks as such.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from speculate.identity import is_json
from speculate.notices import (
    CallEnded,
    CallStarted,
    Notice,
    SessionClosed,
    SessionOpened,
    TurnBegan,
    TurnEnded,
    UserSpoke,
)
from speculate.runtime.predicting import REDACTED
from speculate.spec import ToolSpec
from speculate.trace.reader import TORN
from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)
from speculate.trace.writer import MAX_WRITTEN_DEPTH, encode_record, writable

_log = logging.getLogger(__name__)

PATIENCE_S = 0.02
_RECORDED = frozenset({SessionOpened, UserSpoke, TurnBegan, TurnEnded, CallStarted, CallEnded, SessionClosed})


@dataclass(frozen=True, slots=True)
class _Stop:
    """The last item of the queue."""


class TraceRecorder:
    """Appends what it is told to `path` as trace v1. `runtime = Runtime(…, observers=[TraceRecorder("runs.jsonl")])`.

    specs: the manifest; arguments it declares `sensitive` are replaced by "[redacted]" (the runtime does it too).
    model, dataset: written into every session's first record.
    max_queued: notices that may wait for the disk; more are dropped and counted.
    at_once: write each event before `notice` returns, so that a killed process loses at most the line being written,
        rather than what came in the last PATIENCE_S or waits for a slow disk. It costs the event loop some 10 to 30 µs
        an event, and as long as the disk takes if the system's buffers are full.

    `recorded` and `dropped` count events. The file is made on the first event, readable by its owner alone, its
    folder with it. Never raises from `notice`; `close` waits for what is queued, at most `timeout_s`.
    """

    def __init__(
        self,
        path: str | Path,
        specs: Mapping[str, ToolSpec] | None = None,
        *,
        model: str | None = None,
        dataset: str | None = None,
        max_queued: int = 10_000,
        at_once: bool = False,
    ) -> None:
        if str(path).endswith(".gz"):
            raise ValueError(f"{path}: runs are recorded as plain lines, which survive a crash; gzip them afterwards")
        if max_queued < 1:
            raise ValueError(f"max_queued must be at least 1, not {max_queued}")
        self.path = Path(path)
        self.recorded = 0
        self.dropped = 0
        self._specs = specs
        self._model, self._dataset = model, dataset
        self._max_queued, self._at_once = max_queued, at_once
        self._sensitive: dict[str, frozenset[str]] = {}
        self._queue: SimpleQueue[Notice | _Stop] = SimpleQueue()
        self._hurry = threading.Event()  # set by close: do not wait for more to come
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # held by who writes at once
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._is_closed = False
        self._file: int | None = None
        self._is_torn = False  # what stands at the file's end lacks its newline
        self._has_complained = False
        self._clock: dict[str, float] = {}  # session: when it began, on the runtime's clock
        self._asked: dict[str, float] = {}  # session: when the model was last asked

    def notice(self, notice: Notice) -> None:
        """Take one notice. Costs microseconds, never blocks (but `at_once`), never raises for what the file does."""
        if type(notice) not in _RECORDED:
            return
        if self._is_closed or self._queue.qsize() >= self._max_queued:
            self._drop()
            return
        if isinstance(notice, CallStarted):
            # The caller may change its arguments before the thread comes to them; results are snapshots already.
            arguments = self._kept(notice.tool, notice.arguments)
            notice = CallStarted(notice.at, notice.session, notice.id, notice.turn, notice.tool, arguments)
        if self._at_once:
            if self._process != os.getpid():  # a forked child: another process may hold the lock
                self._writing, self._process = threading.Lock(), os.getpid()
            with self._writing:
                self._write(notice)
            return
        if self._thread is None or self._process != os.getpid():
            self._start()
        self._queue.put(notice)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is queued and stop, within `timeout_s` seconds. True if all of it was handed to the disk."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
        atexit.unregister(self.close)
        if self._at_once:
            with self._writing:
                self._close_file()
            return True
        if thread is None or self._process != os.getpid():
            return True
        self._queue.put(_Stop())
        self._hurry.set()
        thread.join(timeout_s)
        if thread.is_alive():
            left = self._queue.qsize()
            self.dropped += left
            _log.warning("%s: closed while %d events still waited for the disk", self.path, left)
            return False
        return True

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<TraceRecorder {str(self.path)!r}: {state}, {self.recorded} recorded, {self.dropped} dropped>"

    def _kept(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        sensitive = self._sensitive.get(tool)
        if sensitive is None:
            spec = self._specs.get(tool) if self._specs is not None else None
            sensitive = spec.sensitive_arguments() if spec is not None else frozenset()
            self._sensitive[tool] = sensitive
        kept = {name: REDACTED if name in sensitive else value for name, value in arguments.items()}
        # Arguments that are not JSON cannot be written as they are: they stand raw, and are never speculated.
        return _copied(kept) if is_json(kept) else {"_raw": writable(kept, MAX_WRITTEN_DEPTH)}

    def _start(self) -> None:
        """Start the writing thread: on the first event, and anew in a forked child, which inherits no threads."""
        with self._lock:
            if self._process != os.getpid():
                self._queue, self._file, self._process = SimpleQueue(), None, os.getpid()
            elif self._thread is not None:
                return
            self._thread = threading.Thread(target=self._write_all, name="speculate-recorder", daemon=True)
            self._thread.start()
        atexit.register(self.close)

    def _drop(self) -> None:
        with self._lock:
            self.dropped += 1

    # What follows runs on the writing thread alone, or under the lock of who writes at once.

    def _write_all(self) -> None:
        queue = self._queue
        while True:
            notice = queue.get()
            if isinstance(notice, _Stop):
                break
            if queue.empty():
                # Writing each event as it comes would wake this thread, and take the interpreter's lock from the
                # event loop, once an event. A moment's patience makes that once a batch.
                self._hurry.wait(PATIENCE_S)
            self._write(notice)
        self._close_file()

    def _write(self, notice: Notice) -> None:
        try:
            record = self._record(notice)
            if record is not None:
                self._append(record)
        except OSError as error:
            self._drop()
            self._complain(error)
        except Exception:
            # A snapshot of a foreign object may raise whatever it likes; one lost event must not lose the rest.
            self._drop()
            _log.exception("%s: an event could not be recorded", self.path)

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            reason = error.strerror or error
            _log.error("%s: runs are not being recorded: %s (said once; see `dropped`)", self.path, reason)

    def _append(self, record: Record) -> None:
        line = encode_record(record)
        if self._file is None:
            self._open()
        assert self._file is not None  # noqa: S101 - for mypy
        if self._is_torn:
            line = b'\n{"type": "%s"}\n' % TORN.encode() + line
        written = os.write(self._file, line)
        if written < len(line):  # the disk is full; another process's line may follow, so the rest cannot
            self._is_torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = False
        self.recorded += 1

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        status = os.fstat(self._file)
        if stat.S_ISREG(status.st_mode) and status.st_size > 0:
            self._is_torn = os.pread(self._file, 1, status.st_size - 1) != b"\n"

    def _record(self, notice: Notice | _Stop) -> Record | None:
        match notice:
            case SessionOpened():
                self._clock[notice.session] = notice.at
                return SessionStarted(
                    notice.session, 0.0, model=self._model, dataset=self._dataset, tenant=notice.tenant
                )
            case UserSpoke():
                return UserSaid(notice.session, notice.text, self._at(notice.session, notice.at))
            case TurnBegan():
                self._asked[notice.session] = notice.at
                return None
            case TurnEnded():
                asked = self._asked.pop(notice.session, notice.at - notice.llm_s)
                at = self._at(notice.session, asked)
                return TurnTaken(notice.session, notice.turn, at, notice.llm_s, notice.text)
            case CallStarted():
                at = self._at(notice.session, notice.at)
                return CallIssued(notice.session, notice.turn, notice.id, notice.tool, notice.arguments, at)
            case CallEnded():
                has_raised = notice.raised is not None
                return ResultArrived(
                    notice.session,
                    notice.id,
                    self._at(notice.session, notice.at),
                    notice.tool_s,
                    notice.ok and not has_raised,
                    None if has_raised else notice.snapshot,
                    not has_raised,
                    notice.raised,
                    notice.cut and not has_raised,
                    {"served": notice.served.value, "waited_s": notice.waited_s},
                )
            case SessionClosed():
                self._asked.pop(notice.session, None)
                at = self._at(notice.session, notice.at)
                self._clock.pop(notice.session, None)
                return SessionEnded(notice.session, at)
            case _:  # pragma: no cover - `notice` lets nothing else through
                return None

    def _at(self, session: str, at: float) -> float | None:
        """Seconds since the session began; None for one whose beginning was dropped."""
        began = self._clock.get(session)
        return None if began is None else at - began


def _copied(value: Any) -> Any:
    """An independent copy of a JSON value."""
    if type(value) is dict:
        return {name: _copied(item) for name, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    return value
