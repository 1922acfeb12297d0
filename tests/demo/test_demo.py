"""The demo from end to end, fast, and its parts: real server, real database, real files."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time

import pytest

from speculate.cli import main
from speculate.demo.policy import ScriptedModel, Task, make_tasks
from speculate.demo.services import Services, latency_s
from speculate.demo.shop import Workspace, make_shop
from speculate.demo.show import Answered, Scraped, Serving, Show
from speculate.demo.tools import ShopTools
from speculate.testing import run_virtual

FAST = ["--pace", "0.02", "--tasks", "4", "--training", "12"]


def test_the_demo_as_a_command(tmp_path, capsys):
    """The whole demo: the same answers and database off and on, an account that adds up, a replay."""
    before = threading.active_count()
    assert main(["demo", *FAST, "--output", str(tmp_path / "demo"), "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "answers         the same" in printed
    assert "database        left the same" in printed
    assert "http://127.0.0.1:" in printed
    assert max(len(line) for line in printed.splitlines() if "│" in line) <= 100
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["same_answers"] is document["same_world"] is True
    assert len(document["tasks"]) == 4
    ledger = document["ledger"]
    assert ledger["launched"] == ledger["committed"] + ledger["wasted"]
    assert (
        document["hits"]
        == ledger["committed"]
        == document["served"].get("ready", 0) + document["served"].get("joined", 0)
    )
    assert document["replay"]["sessions"] == 4
    assert set(document["replay"]["safety"].values()) == {0}
    assert threading.active_count() == before


def test_what_is_told_while_it_runs(tmp_path):
    """Answers come in both arms; with speculation on, the endpoint is named and scraped after every task."""
    told = []
    result = Show(tmp_path / "demo", told.append, pace=0.02, tasks=3, training=8).run()
    assert [event.speculation for event in told if isinstance(event, Answered)] == [False] * 3 + [True] * 3
    assert sum(isinstance(event, Serving) for event in told) == 1
    scraped = [event for event in told if isinstance(event, Scraped)]
    assert len(scraped) == 3
    assert scraped[-1].hits == result.on.ledger.committed
    assert scraped[-1].launched == result.on.ledger.launched


def test_a_difference_is_exit_code_1(tmp_path, capsys, monkeypatch):
    """If speculation ever changed an answer, the demo says so and fails."""
    real = ScriptedModel.reply
    answers = iter(range(1000))

    async def confused(self, observations):
        reply = await real(self, observations)
        return reply if reply.calls else type(reply)(f"answer {next(answers)}", ())

    monkeypatch.setattr(ScriptedModel, "reply", confused)
    assert main(["demo", *FAST, "--output", str(tmp_path / "demo")]) == 1
    assert "NOT the same" in capsys.readouterr().out


def test_it_does_not_clear_a_folder_that_is_not_its_own(tmp_path, capsys):
    """A folder with something else in it is left alone."""
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["demo", *FAST, "--output", str(tmp_path)]) == 2
    assert "is not empty and not an earlier demo's" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("argument", ["--tasks", "--training"])
def test_at_least_one_task(argument, capsys):
    """Nothing to show is wrong usage."""
    assert main(["demo", argument, "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err


def test_ctrl_c_ends_it_at_once(tmp_path):
    """Interrupted while it runs, the process ends with 130 and no traceback, its threads with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "speculate.cli", "demo", "--output", str(tmp_path / "demo")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "demo" / "training.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "speculate: interrupted\n"


def test_the_shop_is_the_same_for_the_same_seed():
    """Everything made up follows from the seed."""
    assert make_shop(3) == make_shop(3)
    assert make_shop(3) != make_shop(4)
    shop = make_shop(3)
    assert make_tasks(shop, 3, "task", 5, shop.customers) == make_tasks(shop, 3, "task", 5, shop.customers)
    assert latency_s("/stock/P100", 3) == latency_s("/stock/P100", 3) > 0


def test_the_tools_are_real(tmp_path):
    """HTTP, SQLite and files answer, writes change the database, and what is not there is an answer too."""
    shop = make_shop(3)
    customer = shop.customers[0]
    processing = next(id for id, order in shop.orders.items() if order["status"] == "processing")
    workspace = Workspace.create(tmp_path, shop)

    async def calls():
        with Services(shop.services, 3, pace=0.0) as services:
            tools = ShopTools(workspace, services.port)
            found = await tools.find_customer(customer.email.upper())
            assert found["orders"] == list(customer.orders)
            assert await tools.track_parcel("none") == {"error": "nothing at /parcel/none"}
            assert (await tools.depot_status("harbour"))["depot"] == "harbour"
            assert (await tools.check_stock("P100"))["sku"] == "P100"
            return tools

    tools = asyncio.run(calls())
    assert tools.get_order("W0") == {"error": "no order W0"}
    assert tools.cancel_order(processing) == {"order_id": processing, "cancelled": True}
    assert tools.cancel_order(processing) == {"order_id": processing, "cancelled": False}
    assert tools.get_order(processing)["status"] == "cancelled"
    assert tools.read_policy("../shop") == "there is no policy on ../shop"
    assert tools.read_policy("returns").startswith("# Returns")
    before = workspace.contents()
    tools.open_return(processing, "P100")
    assert workspace.contents() != before
    assert {product["product"].split()[-1] for product in tools.search_products("valve")} == {"valve"}


def test_a_service_that_stops_is_an_error_of_the_tool(tmp_path):
    """A server that goes away in the middle of an answer is a ConnectionError, not half an answer."""

    async def call():
        async def hang_up(reader, writer):
            await reader.readline()
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await ShopTools(Workspace(tmp_path), port).check_stock("P100")

    with pytest.raises(ConnectionError):
        asyncio.run(call())


def replies_to(question: str, *turns: list[object]) -> list[str]:
    """What the policy says when its calls return `turns`."""

    async def talk():
        model = ScriptedModel(Task("t", question))
        return [(await model.reply(observations)).text for observations in ([], *turns)]

    return run_virtual(talk())


ORDER = {"order_id": "W1", "product": "small valve", "sku": "P1", "parcel": "Z1"}
CUSTOMER = {"email": "a@b.org", "last_order": "W1"}


@pytest.mark.parametrize(
    ("question", "turns", "answer"),
    [
        (
            "Where is my order? a@b.org",
            [[CUSTOMER], [ORDER | {"status": "shipped"}], [{"parcel": "Z1", "state": "on its way", "due_in_days": 2}]],
            "Parcel Z1 is on its way, due in 2 days.",
        ),
        (
            "Where is my order? a@b.org",
            [
                [CUSTOMER],
                [ORDER | {"status": "shipped"}],
                [{"parcel": "Z1", "state": "delayed", "due_in_days": 2, "depot": "harbour"}],
                [{"depot": "harbour", "delay_days": 3}],
            ],
            "Parcel Z1 is held at harbour; it should arrive in 5 days.",
        ),
        (
            "Where is my order? a@b.org",
            [[CUSTOMER], [ORDER | {"status": "processing", "parcel": None}]],
            "Order W1 (small valve) is still processing.",
        ),
        (
            "Please cancel it, a@b.org",
            [[CUSTOMER], [ORDER | {"status": "processing"}], [{"cancelled": True}], [ORDER | {"status": "cancelled"}]],
            "Done: order W1 is cancelled.",
        ),
        (
            "Please cancel it, a@b.org",
            [[CUSTOMER], [ORDER | {"status": "shipped"}], ["# No\n\nNever.", {"state": "delayed"}]],
            "Too late: it is delayed. Never.",
        ),
        (
            "Please cancel it, a@b.org",
            [[CUSTOMER], [ORDER | {"status": "delivered"}]],
            "Order W1 is delivered, so it cannot be cancelled.",
        ),
        (
            "I want to return it, a@b.org",
            [[CUSTOMER], [ORDER | {"status": "shipped"}], ["policy", {"in_stock": 1}]],
            "Order W1 is shipped: it can be returned once it is there.",
        ),
        (
            "I want to return it, a@b.org",
            [[CUSTOMER], [ORDER | {"status": "delivered"}], ["policy", {"in_stock": 0}], [{"label": "R-1"}]],
            "Use label R-1; you get your money back. policy",
        ),
        ("Do you have a valve?", [[[]], []], "No valve is in stock at the moment."),
        (
            "Do you have a valve?",
            [[[{"sku": "P1", "product": "small valve", "cents": 250}]], [{"in_stock": 3}]],
            "The small valve is in stock, at 2.50.",
        ),
    ],
)
def test_the_policy_decides_by_what_it_sees(question, turns, answer):
    """Every branch of the scripts, from what tools returned to the final answer."""
    assert replies_to(question, *turns)[-1] == answer


def test_a_question_without_an_address():
    """The policy does not make up an e-mail address."""
    with pytest.raises(ValueError, match="no e-mail address"):
        replies_to("Where is my order?")
