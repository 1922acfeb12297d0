"""Plans in files, drawn by `speculate plan show`."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from speculate.cli import main
from speculate.errors import PlanError
from speculate.plan import Handoff, Plan, When, load_plan, read_plan

PLAN = """
name = "returns"
result = "$4"
[[tasks]]
id = "1"
tool = "find"
arguments = {name = "A <b> & Co"}
[[tasks]]
id = "2"
tool = "get"
arguments = {order_id = "$1.orders[0]", note = "of $1.name"}
[[tasks]]
id = "3"
tool = "refund"
arguments = {order_id = "$1.orders[0]"}
after = ["2"]
when = [{of = "$2.status", equals = "delivered", p = 0.8}]
policy = {timeout_s = 5, optional = true, undo = {tool = "charge"}}
[[tasks]]
id = "4"
plan = "tell"
inputs = {order = "$2"}
after = ["3"]
[plans.tell]
tasks = [{id = "1", tool = "mail", arguments = {text = "about $input.order.id"}, policy = {retry = {attempts = 2}}}]
"""
MANIFEST = """
manifest = 1
name = "shop"
[tools.find]
effect = "read"
reads = []
[tools.get]
effect = "read"
reads = ["order/{order_id}"]
[tools.refund]
effect = "write"
reads = []
writes = ["order/{order_id}"]
[tools.charge]
effect = "write"
[tools.mail]
effect = "write"
idempotent = true
reads = []
writes = ["mail"]
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "shop.toml").write_text(MANIFEST)
    return str(tmp_path / "plan.toml"), str(tmp_path / "shop.toml")


def show(*arguments: str) -> int:
    return main(["plan", "show", *arguments])


def test_a_plan_is_shown_wave_by_wave_with_its_critical_path(files, capsys):
    plan, manifest = files
    assert show(plan, "--manifest", manifest, "--seconds", "get=2.5") == 0
    out = capsys.readouterr().out
    assert "returns: 5 tasks, 6 edges; predicted 5.5 s, 5.5 s one by one" in out
    assert "critical path 1 → 2 → 3 → 4/1 → 4" in out
    assert "if $2.status equals 'delivered'" in out
    assert "note='of $1.name'" in re.sub(r"\\s+", " ", out)
    assert all(len(line) <= 100 for line in out.splitlines())


def test_mermaid_text_names_every_task_and_edge_and_is_escaped(files, capsys):
    plan, manifest = files
    assert show(plan, "--manifest", manifest, "--format", "mermaid") == 0
    out = capsys.readouterr().out
    assert out.startswith("flowchart TD\n")
    assert len(re.findall(r"^    n\d+[\[(]", out, re.MULTILINE)) == 5
    assert len(re.findall(r"-->|-\.->", out)) == 6
    assert "<b>" not in out
    assert "#36;2.status equals" in out


def test_html_is_whole_escaped_and_fetches_nothing(files, tmp_path):
    plan, manifest = files
    target = tmp_path / "plan.html"
    assert show(plan, "--manifest", manifest, "--format", "html", "--output", str(target)) == 0
    page = target.read_text()
    assert page.count("<rect") == 5
    assert page.count("<path") == 6
    assert "A &lt;b&gt; &amp; Co" in page
    assert "<script" not in page
    assert "http" not in page

    class Balanced(HTMLParser):
        open: list[str] = []  # noqa: RUF012 - one parser, one page

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(page)
    assert not parser.open


def test_json_has_the_tasks_the_edges_and_the_findings(files, tmp_path, capsys):
    plan, manifest = files
    target = tmp_path / "out.json"
    assert show(plan, "--manifest", manifest, "--slots", "1", "--json", str(target)) == 0
    found = json.loads(target.read_text())
    assert [task["id"] for task in found["tasks"]] == ["1", "2", "3", "4/1", "4"]
    assert found["tasks"][1]["arguments"] == {"order_id": "$1.orders[0]", "note": "of $1.name"}
    assert found["makespan_s"] == 4.0
    assert {"from": "2", "to": "3", "kind": "when"} in found["edges"]


def test_a_plan_that_does_not_compile_says_why_and_exits_with_1(files, tmp_path, capsys):
    plan, manifest = files
    (tmp_path / "bad.json").write_text(json.dumps({"tasks": [{"id": 1, "tool": "mail"}, {"id": 2, "tool": "charge"}]}))
    assert show(str(tmp_path / "bad.json"), "--manifest", manifest) == 1
    assert "conflict over" in capsys.readouterr().out
    assert show(str(tmp_path / "bad.json"), "--manifest", manifest, "--order", "--output", str(tmp_path / "x.txt")) == 0
    assert "order added" in (tmp_path / "x.txt").read_text()
    assert show(plan) == 1
    assert "not idempotent" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [("missing.json",), ("plan.toml", "--seconds", "get"), ("plan.toml", "--manifest", "shop.toml", "-o", "/no/x")],
)
def test_bad_input_is_one_line_and_exits_with_2(files, arguments, capsys, monkeypatch):
    monkeypatch.chdir(Path(files[0]).parent)
    assert show(*arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "a list of `tasks`"),
        ({"tasks": [], "color": 1}, "no field 'color'"),
        ({"tasks": [], "plans": 3}, "`plans` is a table"),
        ({"tasks": [{"id": "1", "plan": "x"}]}, "there is no plan 'x'"),
        ({"tasks": [{"id": "1", "tool": "t", "after": "2"}]}, "are lists"),
        ({"tasks": [{"id": "1", "tool": "t", "arguments": 2}]}, "`arguments` is an object"),
        ({"tasks": [{"id": "1", "tool": "t", "when": [3]}]}, "a condition is an object"),
        ({"tasks": [{"id": "1", "tool": "t", "when": [{"of": "$2", "equals": 1, "above": 2}]}]}, "at most one of"),
        ({"tasks": [{"id": "1", "tool": "t", "policy": {"x": 1}}]}, "a policy has no field 'x'"),
        ({"tasks": [{"id": "1", "tool": "t", "policy": {"retry": {"x": 1}}}]}, "its policy cannot be read"),
        ({"tasks": [{"id": "1", "tool": "t", "policy": {"undo": {}}}]}, "its policy cannot be read"),
        (
            {"tasks": [{"id": "1", "plan": "a"}], "plans": {"a": {"tasks": [{"id": "1", "plan": "a"}]}}},
            "in a circle: a → a",
        ),
    ],
)
def test_a_file_that_is_no_plan_says_what_is_wrong(document, words):
    with pytest.raises(PlanError) as caught:
        read_plan(document)
    assert words in str(caught.value)


def test_a_file_is_read_into_the_values_it_stands_for(files, tmp_path):
    plan = load_plan(files[0])
    assert isinstance(plan, Plan)
    assert plan.tasks[2].when == (When("$2.status", "equals", "delivered", p=0.8),)
    assert isinstance(plan.tasks[3], Handoff)
    (tmp_path / "bad.toml").write_text("tasks = 3")
    with pytest.raises(PlanError, match=r"bad\.toml: a plan is an object"):
        load_plan(tmp_path / "bad.toml")
    assert read_plan({"tasks": [{"id": 1, "tool": "t", "when": [{"of": "$1"}]}]}).tasks[0].when == (When("$1"),)
