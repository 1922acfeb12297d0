"""The write gate, and an abortable tool on a real SQLite database with a second real writer."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from speculate import (
    AbortableTool,
    CommitConflict,
    Effect,
    ManifestError,
    Policy,
    Prediction,
    Refusal,
    Runtime,
    Served,
    ToolCall,
    ToolSpec,
)
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual

BOOK = ToolSpec("book", Effect.ABORTABLE, reads=("seat/{seat}",), writes=("seat/{seat}",), ttl_s=60.0)


class Seats:
    """Booking in three steps: read and price without a lock; validate and write in one short transaction; forget."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aborted: list[Any] = []
        self.committed = 0
        with self.connect() as database:
            database.execute("create table seat (id text primary key, owner text, version integer)")
            database.executemany("insert into seat values (?, null, 0)", [("1",), ("2",)])
        database.close()

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=0.0, isolation_level="IMMEDIATE")

    def read(self, seat: str) -> tuple[Any, ...]:
        database = self.connect()
        try:
            return database.execute("select owner, version from seat where id = ?", (seat,)).fetchone()
        finally:
            database.close()

    def take(self, seat: str, owner: str, version: int) -> bool:
        """A writer: fails at once if anybody holds a lock."""
        database = self.connect()
        try:
            with database:
                done = database.execute(
                    "update seat set owner = ?, version = version + 1 where id = ? and version = ?",
                    (owner, seat, version),
                )
            return done.rowcount == 1
        finally:
            database.close()

    def tool(self) -> AbortableTool:
        async def prepare(seat: str, owner: str) -> dict[str, Any]:
            _, version = self.read(seat)
            await asyncio.sleep(2.0)  # the slow part: prices, checks
            return {"seat": seat, "owner": owner, "version": version}

        async def commit(staged: dict[str, Any]) -> str:
            if not self.take(staged["seat"], staged["owner"], staged["version"]):
                raise CommitConflict("the seat was changed")
            self.committed += 1
            return f"{staged['seat']} is {staged['owner']}'s"

        async def abort(staged: Any) -> None:
            self.aborted.append(staged)

        return AbortableTool(prepare, commit, abort)


def runtime_for(seats: Seats, owner: str = "me", **options: Any) -> Runtime:
    guess = Prediction("book", {"seat": "1", "owner": owner}, 0.9, 0.9)
    options.setdefault("policy", Policy(min_probability=0.1))
    runtime = Runtime(
        {"book": seats.tool(), "sell": FakeTool("sold", 0.5)},
        {"book": BOOK, "sell": ToolSpec("sell", Effect.WRITE, reads=(), writes=("seat/*",))},
        ScriptedPredictor([guess]),
        **options,
    )
    runtime.seed_latency("book", [4.0] * 10)
    return runtime


def test_a_staged_booking_is_applied_only_for_the_real_call(tmp_path: Path) -> None:
    """Until the model asks, the database is untouched; then only the short step is waited for."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        runtime = runtime_for(seats)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            assert seats.read("1") == (None, 0)
            outcome = await session.execute(ToolCall("book", {"seat": "1", "owner": "me"}))
            assert (outcome.value, outcome.served, outcome.waited_s) == ("1 is me's", Served.READY, 0.0)
            assert seats.read("1") == ("me", 1)
        assert seats.committed == 1

    run_virtual(main())


def test_a_second_writer_never_waits_for_a_guess_and_the_stale_staging_is_not_applied(tmp_path: Path) -> None:
    """The other writer takes the seat at once while it is staged; the real call then starts afresh."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        runtime = runtime_for(seats)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            assert seats.take("1", "somebody", 0)  # raises "database is locked" if a guess held a lock
            outcome = await session.execute(ToolCall("book", {"seat": "1", "owner": "me"}))
            assert (outcome.value, outcome.served, outcome.waited_s) == ("1 is me's", Served.RAN, 2.0)
            assert seats.read("1") == ("me", 2)
        assert seats.committed == 1
        assert runtime.ledger.launched == runtime.ledger.committed + runtime.ledger.wasted

    run_virtual(main())


def test_a_wrong_guess_leaves_the_database_untouched_and_is_aborted(tmp_path: Path) -> None:
    """Staged for somebody else, or squashed by a conflicting write, or left over at the end."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        runtime = runtime_for(seats, owner="wrong")
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            await session.call("sell")
            assert [staged["owner"] for staged in seats.aborted] == ["wrong"]
            await session.think(asyncio.sleep(1.0))
        assert seats.read("1") == (None, 0)
        assert seats.committed == 0

    run_virtual(main())


def test_a_joined_staging_is_applied_when_it_is_done(tmp_path: Path) -> None:
    """The call waits for the rest of the slow part only."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        runtime = runtime_for(seats)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.5))
            outcome = await session.execute(ToolCall("book", {"seat": "1", "owner": "me"}))
            assert (outcome.served, outcome.waited_s) == (Served.JOINED, 0.5)

    run_virtual(main())


def test_a_staging_past_its_tail_is_dropped_and_the_call_starts_afresh(tmp_path: Path) -> None:
    """Never two of them: the staged one is aborted first."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        runtime = runtime_for(seats)
        runtime.seed_latency("book", [1.0] * 128)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(0.5))
            outcome = await session.execute(ToolCall("book", {"seat": "1", "owner": "me"}))
            assert outcome.served is Served.RAN
            assert outcome.waited_s == pytest.approx(2.5, abs=0.01)
        assert seats.committed == 1

    run_virtual(main())


def test_a_cancelled_call_does_not_tear_a_commit(tmp_path: Path) -> None:
    """A commit that has begun goes on to its end; a cancelled preparation is aborted."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        tool = seats.tool()
        applied: list[str] = []

        async def slow_commit(staged: Any) -> str:
            await asyncio.sleep(1.0)
            applied.append(staged["seat"])
            return "done"

        runtime = runtime_for(seats)
        runtime.tools.update(
            {
                "book": type(runtime.tools["book"])(
                    "book", tool.prepare, False, AbortableTool(tool.prepare, slow_commit, tool.abort)
                )
            }
        )
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            call = asyncio.ensure_future(session.call("book", seat="1", owner="me"))
            await asyncio.sleep(0.5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.sleep(1.0)
            assert applied == ["1"]
            call = asyncio.ensure_future(session.call("book", seat="2", owner="me"))
            await asyncio.sleep(2.5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert applied == ["1"]

    run_virtual(main())


def test_a_commit_that_raises_is_the_calls_outcome(tmp_path: Path) -> None:
    """Whatever it did, it did for the real call; it is not tried again behind the agent's back."""

    async def main() -> None:
        seats = Seats(tmp_path / "seats.db")
        base = seats.tool()
        tries = 0

        async def commit(staged: Any) -> str:
            nonlocal tries
            tries += 1
            raise OSError("disk full")

        runtime = Runtime(
            {"book": AbortableTool(base.prepare, commit, base.abort)},
            {"book": BOOK},
            ScriptedPredictor([Prediction("book", {"seat": "1", "owner": "me"}, 0.9, 0.9)]),
            policy=Policy(min_probability=0.1),
        )
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            with pytest.raises(OSError, match="disk full"):
                await session.call("book", seat="1", owner="me")
            assert tries == 1

    run_virtual(main())


def test_an_abortable_that_others_keep_changing_gives_up_with_their_conflict() -> None:
    """Bounded: five tries of prepare and commit, each one's staging aborted."""

    async def main() -> None:
        aborted: list[Any] = []

        async def prepare() -> str:
            return "staged"

        async def commit(staged: str) -> str:
            raise CommitConflict("again")

        async def abort(staged: str) -> None:
            aborted.append(staged)

        tool = AbortableTool(prepare, commit, abort)
        async with Runtime({"stage": tool}, {"stage": ToolSpec("stage", Effect.ABORTABLE)}) as runtime:
            async with runtime.session() as session:
                with pytest.raises(CommitConflict):
                    await session.call("stage")
        assert aborted == ["staged"] * 5

    run_virtual(main())


def test_an_abortable_needs_three_async_functions_and_a_fitting_entry() -> None:
    """A thread cannot be aborted; a read is not staged."""

    async def step(*_: Any) -> None: ...

    with pytest.raises(ManifestError, match="a thread cannot be aborted"):
        AbortableTool(step, lambda staged: None, step)  # type: ignore[arg-type, return-value]  # refused: that is tested
    with pytest.raises(ManifestError, match='the entry says "read"'):
        Runtime({"get": AbortableTool(step, step, step)}, {"get": ToolSpec("get", Effect.READ)})


def once(answer: Any, **more: Any) -> tuple[Runtime, FakeTool]:
    tool = FakeTool(answer, 1.0)
    spec = ToolSpec("cancel", Effect.WRITE, idempotent=True, reads=(), writes=("order/{id}",), dedup_key="{id}", **more)
    undo = ToolSpec("reopen", Effect.WRITE, reads=(), writes=("order/{id}",))
    return Runtime({"cancel": tool, "reopen": FakeTool("open")}, {"cancel": spec, "reopen": undo}), tool


def test_a_repeated_write_gets_its_own_copy_of_the_first_outcome() -> None:
    """It does not run again, until a conflicting write; changing one copy changes no other."""

    async def main() -> None:
        runtime, tool = once(lambda id: {"left": [id]})
        async with runtime, runtime.session() as session:
            first = await session.call("cancel", id="1")
            first["left"].append("mine")
            again = await session.execute(ToolCall("cancel", {"id": "1"}))
            assert (again.value, again.served) == ({"left": ["1"]}, Served.DEDUPLICATED)
            again.value["left"].append("mine too")
            assert await session.call("cancel", id="1") == {"left": ["1"]}
            assert len(tool.finished) == 1
            await session.call("reopen", id="1")
            await session.call("cancel", id="1")
            assert len(tool.finished) == 2

    run_virtual(main())


def test_two_identical_writes_in_one_turn_run_once() -> None:
    """The second waits for the first and gets its outcome."""

    async def main() -> None:
        runtime, tool = once("done")
        async with runtime, runtime.session() as session:
            one, two = await session.call_all([("cancel", {"id": "1"}), ("cancel", {"id": "1"})])
            assert (one.served, two.served) == (Served.RAN, Served.DEDUPLICATED)
            assert len(tool.finished) == 1

    run_virtual(main())


def test_an_outcome_that_cannot_be_copied_is_handed_out_as_its_snapshot() -> None:
    """Better a faithful extract than the same object twice, and better than running the write again."""

    class Stubborn(dict[str, Any]):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no")

    async def main() -> None:
        runtime, tool = once(lambda id: Stubborn(ok=True))
        async with runtime, runtime.session() as session:
            await session.call("cancel", id="1")
            assert await session.call("cancel", id="1") == {"ok": True}
            assert len(tool.finished) == 1

    run_virtual(main())


@pytest.mark.parametrize(
    ("confirmer", "runs", "reason"),
    [
        ("yes", 1, ""),
        ("no", 0, "it was not confirmed"),
        ("broken", 0, "asking for confirmation failed"),
        (None, 0, "no way"),
    ],
)
def test_a_write_that_wants_confirmation_runs_only_after_a_yes(confirmer: str | None, runs: int, reason: str) -> None:
    """A refusal is a result the agent can read, not an exception out of its loop."""

    async def ask(call: ToolCall) -> bool:
        await asyncio.sleep(5.0)
        if confirmer == "broken":
            raise OSError("no screen")
        assert call.arguments == {"id": "1"}
        return confirmer == "yes"

    async def main() -> None:
        tool = FakeTool("done")
        spec = ToolSpec("drop", Effect.WRITE, confirm=True)
        runtime = Runtime({"drop": tool}, {"drop": spec}, confirmer=ask if confirmer else None)
        async with runtime, runtime.session() as session:
            outcome = await session.execute(ToolCall("drop", {"id": "1"}))
            assert len(tool.started) == runs
            if runs:
                assert (outcome.value, outcome.served) == ("done", Served.RAN)
            else:
                assert isinstance(outcome.value, Refusal)
                assert outcome.served is Served.REFUSED
                assert reason in str(outcome.value)
                assert "Nothing was changed" in str(outcome.value)

    run_virtual(main())


def test_cancelling_while_the_application_is_asked_runs_nothing() -> None:
    """The call is gone, and so is its place."""

    async def ask(call: ToolCall) -> bool:
        await asyncio.sleep(100.0)
        return True

    async def main() -> None:
        tool = FakeTool("done")
        runtime = Runtime({"drop": tool}, {"drop": ToolSpec("drop", Effect.WRITE, confirm=True)}, confirmer=ask)
        async with runtime, runtime.session() as session:
            call = asyncio.ensure_future(session.call("drop"))
            await asyncio.sleep(1.0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert not tool.started
            assert "0 calls under way" in repr(session)

    run_virtual(main())
