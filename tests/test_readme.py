"""What README and docs say is so: their code runs, their figures are measured, their files exist."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import RESULTS, ROOT, documents, figures, rewrite, unmarked
from predictors import RepeatPredictor, save_predictor
from speculate import Runtime
from speculate.cli.app import COMMANDS
from speculate.demo.agent import answer
from speculate.demo.policy import Reply, ScriptedModel, Task
from speculate.demo.services import Services
from speculate.demo.shop import Workspace, make_shop
from speculate.demo.tools import ShopTools
from speculate.trace import read_sessions
from toolspecs import Manifest

README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guide.md"
MANIFEST = ROOT / "speculate" / "demo" / "shop.toml"
_TESTED = re.compile(r"<!-- tested: (?P<name>[\w-]+) -->\n```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)

RESULTS_KEPT: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))


def snippets(path: Path) -> dict[str, str]:
    return {match["name"]: match["code"] for match in _TESTED.finditer(path.read_text(encoding="utf-8"))}


def run_all(path: Path) -> dict[str, Any]:
    """The names that the tested snippets of a text define, one after the other."""
    names: dict[str, Any] = {}
    for name, code in snippets(path).items():
        exec(compile(code, f"{path.name}: {name}", "exec"), names)
    return names


def model_for(question: str) -> Callable[[list[Any]], Any]:
    """The demo's policy as the model of the texts: a function of all messages so far."""
    policy = ScriptedModel(Task("t", question), pace=0.0)
    seen = 1

    async def model(messages: list[Any]) -> Reply:
        nonlocal seen
        news, seen = messages[seen:], len(messages)
        return await policy.reply(news)

    return model


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with shop.toml and model.json, and the demo's tools: (tools, manifest, a customer's question)."""
    monkeypatch.chdir(tmp_path)
    shop = make_shop(1)
    manifest = Manifest.load(MANIFEST)
    manifest.dump("shop.toml")
    save_predictor(RepeatPredictor(), "model.json")
    with Services(shop.services, 1, pace=0.0) as services:
        tools = ShopTools(Workspace.create(tmp_path / "shop", shop), services.port).all()
        yield tools, manifest, f"Where is my order? I am {shop.customers[0].email}"


async def plain_answer(tools, manifest, question) -> str:
    async with Runtime(tools, manifest=manifest, speculation=False) as runtime:
        return await answer(runtime, Task("plain", question), pace=0.0)


def test_the_loop_of_the_readme_runs(shop):
    """The snippet is at most fifteen lines, and its agent gives the answer that a plain loop gives."""
    tools, _, question = shop
    assert len(snippets(README)["wrap"].splitlines()) <= 15
    names = run_all(README)

    async def both():
        return await names["agent"](model_for(question), tools, question), await plain_answer(*shop)

    wrapped, plain = asyncio.run(both())
    assert wrapped == plain


def test_the_steps_of_the_guide_run(shop):
    """Declaring, recording, serving and watching work as the guide writes them."""
    tools, manifest, question = shop
    names = run_all(GUIDE)

    async def steps():
        await names["record"](model_for(question), tools, manifest, [question])
        served = await names["serve"](model_for(question), tools, manifest, question)
        watched = await names["serve_watched"](model_for(question), tools, manifest, question)
        return served, watched, await plain_answer(*shop)

    served, watched, plain = asyncio.run(steps())
    assert served == watched == plain
    (recorded,) = read_sessions("runs.jsonl")
    assert [call.tool for call in recorded.calls][:2] == ["find_customer", "get_order"]
    assert recorded.turns[-1].record.text == plain
    assert Runtime([names["get_order"]]).spec("get_order").reads == ("order/{order_id}",)


def test_the_manifests_of_the_texts_load():
    """Each TOML block that is a manifest is one."""
    found = 0
    for path in (README, GUIDE):
        for block in re.findall(r"^```toml\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            found += len(Manifest.loads(block, path.name))
    assert found == 5


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_figure_is_current(path):
    """Each marked figure is the one in benchmarks/results.json, as it is formatted there."""
    for figure in figures(path.read_text(encoding="utf-8"), RESULTS_KEPT):
        assert figure.shown == figure.expected, f"{path.name}: {figure.path}; run benchmarks.run_all --table --rewrite"


def test_no_figure_of_the_readme_is_without_a_source():
    """A number that looks measured stands between markers, or it is not shown."""
    assert unmarked(README.read_text(encoding="utf-8")) == []


def test_a_figure_without_a_source_is_found():
    """The search for unmarked figures sees the ways figures are written, and passes over code."""
    text = "It saves 20 % and 3.5 s, at 40 µs. `ttl_s = 60 s`\n```\n99 %\n```\n<!--=demo/off_s {:.1f} s-->1.0 s<!--=-->"
    assert unmarked(text) == ["20 %", "3.5 s", "40 µs"]


def test_figures_are_rewritten_in_place():
    """A stale figure is replaced, a current text stays as it is, and a figure nobody measured is an error."""
    results = {"demo": {"figures": {"off_s": 12.34, "printed": "a\nb"}}}
    stale = "<!--=demo/off_s {:.1f} s-->1.0 s<!--=--> <!--=demo/printed \\n```\\n{}\\n```\\n-->old<!--=-->"
    current = (
        "<!--=demo/off_s {:.1f} s-->12.3 s<!--=--> <!--=demo/printed \\n```\\n{}\\n```\\n-->\n```\na\nb\n```\n<!--=-->"
    )
    assert rewrite(stale, results) == current
    assert rewrite(current, results) == current
    with pytest.raises(KeyError, match="there is no 'demo/on_s'"):
        list(figures("<!--=demo/on_s {}-->1<!--=-->", results))


def test_results_say_where_they_come_from():
    """Each result has its command, versions, and the Python that ran it."""
    for name, entry in RESULTS_KEPT.items():
        assert entry["command"].split()[0] in ("speculate", "python"), name
        assert entry["python"]
        assert entry["versions"]["speculate-runtime"]
        assert entry["figures"]


def test_links_lead_somewhere():
    """Every relative link of README and docs is a file of this project."""
    for path in documents():
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_commands_of_the_texts_exist():
    """Every `speculate COMMAND` that a text names is a command."""
    for path in (README, GUIDE):
        text = path.read_text(encoding="utf-8")
        for command in re.findall(r"(?:`|^|/)speculate ([a-z]+)\b", text, re.MULTILINE):
            assert command in COMMANDS, f"{path.name}: speculate {command}"
