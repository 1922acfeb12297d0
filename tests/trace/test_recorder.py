"""The recorder: what it writes reads back, and whatever the file does, the calls go on."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from speculate.calls import Served
from speculate.notices import (
    CallEnded,
    CallStarted,
    Fault,
    Notice,
    Observer,
    SessionClosed,
    SessionOpened,
    TurnBegan,
    TurnEnded,
    UserSpoke,
)
from speculate.recorder import TraceRecorder
from speculate.runtime.predicting import REDACTED
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
    read_sessions,
    read_trace,
)


def started(id: str, arguments: dict[str, Any], at: float = 100.0, tool: str = "get") -> CallStarted:
    return CallStarted(at, "s", id, 0, tool, arguments)


def ended(id: str, value: Any, at: float = 101.0, **fields: Any) -> CallEnded:
    fields = {"ok": True, "cut": False, "raised": None, "tool_s": 0.5, **fields}
    return CallEnded(
        at, "s", id, 0, "get", Served.READY, True, fields["ok"], value, fields["cut"], fields["raised"],
        0.25, fields["tool_s"], 0.25,
    )  # fmt: skip


def record(path: Path, *notices: Notice, **settings: Any) -> list[Record]:
    recorder = TraceRecorder(path, **settings)
    for notice in notices:
        recorder.notice(notice)
    assert recorder.close()
    assert recorder.dropped == 0
    return list(read_trace(path))


def test_a_run_is_recorded_as_trace_v1(tmp_path: Path) -> None:
    """Every notice that is an event of the run, in order, times from the session's start, the turn once it ended."""
    served = {"served": "ready", "waited_s": 0.25}
    assert record(
        tmp_path / "new" / "runs.jsonl",
        SessionOpened(90.0, "s", "acme"),
        UserSpoke(90.0, "s", "hi"),
        Fault(90.0, "s", "predictor", "p", "raised"),
        TurnBegan(91.0, "s", 0),
        TurnEnded(94.0, "s", 0, 2.5, "thinking"),
        started("c1", {"id": [1, {"a": None}]}, 94.0),
        started("c2", {}, 94.0),
        started("c3", {}, 94.0),
        ended("c2", {"error": "no"}, 95.0, ok=False),
        ended("c1", "ab…", 96.0, cut=True, tool_s=None),
        ended("c3", None, 96.0, ok=False, raised="KeyError: x"),
        TurnEnded(99.0, "s", 1, 1.0, None),
        SessionClosed(100.0, "s", ()),
        model="m",
        dataset="d",
    ) == [
        SessionStarted("s", 0.0, None, "m", "d", "acme"),
        UserSaid("s", "hi", 0.0),
        TurnTaken("s", 0, 1.0, 2.5, "thinking"),
        CallIssued("s", 0, "c1", "get", {"id": [1, {"a": None}]}, 4.0),
        CallIssued("s", 0, "c2", "get", {}, 4.0),
        CallIssued("s", 0, "c3", "get", {}, 4.0),
        ResultArrived("s", "c2", 5.0, 0.5, False, {"error": "no"}, extra=served),
        ResultArrived("s", "c1", 6.0, None, True, "ab…", cut=True, extra=served),
        ResultArrived("s", "c3", 6.0, 0.5, False, None, False, "KeyError: x", extra=served),
        TurnTaken("s", 1, 8.0, 1.0, None),
        SessionEnded("s", 10.0),
    ]


def test_it_is_an_observer(tmp_path: Path) -> None:
    assert isinstance(TraceRecorder(tmp_path / "t.jsonl"), Observer)


def test_sensitive_arguments_never_reach_the_file(tmp_path: Path) -> None:
    """Neither plain nor inside arguments that are not JSON."""
    specs = {"get": ToolSpec("get", Effect.READ, arguments={"token": ArgumentSpec(sensitive=True)})}
    path = tmp_path / "t.jsonl"
    calls = record(
        path,
        started("c1", {"token": "hunter2", "id": 1}),
        started("c2", {"token": ["hunter2"], "id": {1}}),
        started("c3", {"token": "shown"}, tool="other"),
        specs=specs,
    )
    assert "hunter2" not in path.read_text()
    assert [c.args for c in calls if isinstance(c, CallIssued)] == [
        {"token": REDACTED, "id": 1},
        {"_raw": {"token": REDACTED, "id": None}},
        {"token": "shown"},
    ]


def test_arguments_are_kept_as_they_were_when_the_call_was_made(tmp_path: Path) -> None:
    """A caller that changes its list afterwards changes nothing here."""
    recorder = TraceRecorder(tmp_path / "t.jsonl")
    recorder.notice(started("c0", {}))
    arguments = {"ids": [1, 2]}
    recorder.notice(started("c1", arguments))
    arguments["ids"].append(3)
    recorder.close()
    assert [c.args for c in read_trace(recorder.path) if isinstance(c, CallIssued)] == [{}, {"ids": [1, 2]}]


def test_times_of_a_session_whose_start_was_not_seen_are_unknown(tmp_path: Path) -> None:
    (call,) = record(tmp_path / "t.jsonl", started("c1", {}))
    assert isinstance(call, CallIssued)
    assert call.at is None


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds what users said."""
    record(tmp_path / "t.jsonl", UserSpoke(0.0, "s", "hi"))
    assert (tmp_path / "t.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_breaks_nothing_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    recorder = TraceRecorder("/dev/full")
    for number in range(100):
        recorder.notice(started(f"c{number}", {}))
    assert recorder.close()
    assert (recorder.recorded, recorder.dropped) == (0, 100)
    assert [r.message for r in caplog.records] == [
        "/dev/full: runs are not being recorded: No space left on device (said once; see `dropped`)"
    ]
    assert "closed, 0 recorded, 100 dropped" in repr(recorder)


@pytest.mark.parametrize("where", ["a-file/runs.jsonl", "."])
def test_a_path_that_cannot_be_opened_breaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    (tmp_path / "a-file").touch()
    recorder = TraceRecorder(tmp_path / where)
    recorder.notice(started("c1", {}))
    assert recorder.close()
    assert recorder.dropped == 1
    assert "runs are not being recorded" in caplog.text


def test_a_disk_that_fills_up_tears_one_line_and_recovers(tmp_path: Path) -> None:
    """The torn line is marked by the first that fits again, so the file stays readable."""
    path = tmp_path / "t.jsonl"
    program = """
        import resource, sys
        from speculate.recorder import TraceRecorder
        from speculate.notices import UserSpoke
        recorder = TraceRecorder(sys.argv[1])
        recorder._open()  # so that every line below is written at once, in this order
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for number in range(20):
            try:
                recorder._append(recorder._record(UserSpoke(0.0, "s", f"{number} " + "x" * 90)))
            except OSError:
                pass
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        recorder.notice(UserSpoke(0.0, "s", "room again"))
        assert recorder.close()
        print(recorder.recorded)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    texts = [r.text for r in read_trace(path) if isinstance(r, UserSaid)]
    assert len(texts) == int(done.stdout)
    assert texts[-1] == "room again"
    assert [t.split()[0] for t in texts[:-1]] == [str(n) for n in range(len(texts) - 1)]
    assert b'{"type": "torn"}' in path.read_bytes()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_killed_process_leaves_at_most_one_torn_line(tmp_path: Path) -> None:
    """kill -9 while it writes: what it had written reads back in order, and the next process goes on in the file."""
    path = tmp_path / "t.jsonl"
    program = """
        import sys
        from speculate.recorder import TraceRecorder
        from speculate.notices import SessionOpened, UserSpoke
        recorder = TraceRecorder(sys.argv[1])
        recorder.notice(SessionOpened(0.0, "s", None))
        number = 0
        while True:
            if recorder._queue.qsize() < 100:
                recorder.notice(UserSpoke(0.0, "s", f"{number} " + "x" * 5000))
                number += 1
                if number == 300:
                    print("running", flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGKILL)
    texts = [r.text for r in read_trace(path) if isinstance(r, UserSaid)]
    assert len(texts) >= 150  # of 300: at most 100 were queued, and a batch of as many was being written
    assert [t.split()[0] for t in texts] == [str(number) for number in range(len(texts))]

    with path.open("ab") as stream:  # a kill rarely lands inside the write itself: tear the end by hand
        stream.write(b'{"session": "s", "type": "us')
    records = record(path, UserSpoke(0.0, "s2", "next process"))
    assert [type(r) for r in records] == [SessionStarted, *[UserSaid] * (len(texts) + 1)]


def test_at_once_a_killed_process_loses_nothing_it_went_on_from(tmp_path: Path) -> None:
    """Whatever `notice` had returned for stands in the file, in order; only the line being written may be torn."""
    path = tmp_path / "t.jsonl"
    program = """
        import os, signal, sys
        from speculate.recorder import TraceRecorder
        from speculate.notices import SessionOpened, UserSpoke
        recorder = TraceRecorder(sys.argv[1], at_once=True)
        recorder.notice(SessionOpened(0.0, "s", None))
        for number in range(200):
            recorder.notice(UserSpoke(0.0, "s", str(number)))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    texts = [r.text for r in read_trace(path) if isinstance(r, UserSaid)]
    assert texts == [str(number) for number in range(200)]


def test_at_once_records_the_same_and_breaks_no_call(tmp_path: Path) -> None:
    """No thread, the same lines; a file that cannot be written is counted and said once; a closed one takes no more."""
    notices = [SessionOpened(0.0, "s", None), UserSpoke(0.5, "s", "a"), UserSpoke(1.0, "s", "b")]
    before = threading.active_count()
    at_once, queued = TraceRecorder(tmp_path / "a.jsonl", at_once=True), TraceRecorder(tmp_path / "q.jsonl")
    broken = TraceRecorder(tmp_path, at_once=True)
    for notice in notices:
        at_once.notice(notice)
        broken.notice(notice)
    assert threading.active_count() == before
    for notice in notices:
        queued.notice(notice)
    assert at_once.close()
    assert at_once.close()
    assert queued.close()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "q.jsonl").read_bytes()
    at_once.notice(notices[1])
    assert (at_once.recorded, at_once.dropped) == (3, 1)
    assert (broken.recorded, broken.dropped) == (0, 3)


def test_recorders_share_a_file(tmp_path: Path) -> None:
    """Two recorders, eight threads: whole lines, none lost. One of them writes at once."""
    path = tmp_path / "t.jsonl"
    recorders = [TraceRecorder(path), TraceRecorder(path, at_once=True)]

    def speak(worker: int) -> None:
        for number in range(200):
            recorders[worker % 2].notice(UserSpoke(0.0, f"s{worker}", f"{number} " + "x" * 3000))

    threads = [threading.Thread(target=speak, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(recorder.close() for recorder in recorders)
    sessions = read_sessions(path)
    assert len(sessions) == 8
    for session in sessions:
        numbers = [int(step.text.split()[0]) for step in session.steps if isinstance(step, UserSaid)]
        assert numbers == list(range(200))


@pytest.mark.parametrize("at_once", [False, True])
def test_a_forked_process_records_too(tmp_path: Path, at_once: bool) -> None:
    """Servers make their recorder first and fork afterwards; threads do not come along."""
    path = tmp_path / "t.jsonl"
    program = """
        import os, sys
        from speculate.recorder import TraceRecorder
        from speculate.notices import UserSpoke
        recorder = TraceRecorder(sys.argv[1], at_once=sys.argv[2] == "True")
        recorder.notice(UserSpoke(0.0, "parent", "x"))
        child = os.fork()
        if child == 0:
            recorder.notice(UserSpoke(0.0, "child", "x"))
            os._exit(0 if recorder.close() else 1)
        _, status = os.waitpid(child, 0)
        sys.exit(status or not recorder.close())
    """
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        textwrap.dedent(program),
        str(path),
        str(at_once),
    ]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert sorted(r.session for r in read_trace(path)) == ["child", "parent"]


def test_what_is_queued_is_written_at_exit(tmp_path: Path) -> None:
    """A program that ends without closing its recorder loses nothing."""
    path = tmp_path / "t.jsonl"
    program = """
        import sys
        from speculate.recorder import TraceRecorder
        from speculate.notices import UserSpoke
        recorder = TraceRecorder(sys.argv[1])
        for number in range(500):
            recorder.notice(UserSpoke(0.0, "s", "x" * 1000))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], timeout=60, check=True)
    assert len(list(read_trace(path))) == 500


class Stuck(TraceRecorder):
    """A disk that does not answer until it is told to."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(path, **settings)
        self.answers = threading.Event()
        self.asked = threading.Event()

    def _append(self, record: Record) -> None:
        self.asked.set()
        self.answers.wait()
        super()._append(record)


def test_a_disk_that_hangs_costs_events_not_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The queue is bounded, what does not fit is counted, and close gives up when its time is over."""
    recorder = Stuck(tmp_path / "t.jsonl", max_queued=10)
    recorder.notice(UserSpoke(0.0, "s", "first"))
    recorder.asked.wait()
    for _ in range(30):
        recorder.notice(UserSpoke(0.0, "s", "x"))
    assert recorder.dropped == 20
    with caplog.at_level(logging.WARNING):
        assert not recorder.close(timeout_s=0.01)
    assert "still waited for the disk" in caplog.text
    recorder.answers.set()
    assert recorder._thread is not None
    recorder._thread.join()


def test_an_event_that_cannot_be_written_does_not_lose_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted, logged, contained."""

    class Hostile(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("no")

    recorder = TraceRecorder(tmp_path / "t.jsonl")
    recorder.notice(ended("c1", Hostile(a={1})))
    recorder.notice(UserSpoke(0.0, "s", "after"))
    assert recorder.close()
    assert (recorder.recorded, recorder.dropped) == (1, 1)
    assert "could not be recorded" in caplog.text


def test_after_close_events_are_counted_as_dropped(tmp_path: Path) -> None:
    recorder = TraceRecorder(tmp_path / "t.jsonl")
    assert recorder.close()
    recorder.notice(UserSpoke(0.0, "s", "late"))
    assert recorder.dropped == 1
    assert recorder.close()
    assert not (tmp_path / "t.jsonl").exists()


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gzip them afterwards"):
        TraceRecorder(tmp_path / "t.jsonl.gz")
    with pytest.raises(ValueError, match="max_queued must be at least 1"):
        TraceRecorder(tmp_path / "t.jsonl", max_queued=0)


def test_a_result_the_snapshot_kept_nan_in_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    record(path, ended("c1", {"x": float("nan"), "y": 1}))
    row = json.loads(path.read_text())
    assert (row["result"], row["cut"]) == ({"x": None, "y": 1}, True)
    assert os.path.getsize(path) > 0
