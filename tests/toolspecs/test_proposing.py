"""Proposed manifests: evidence in comments, hints not trusted, and the packages that must be ours."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from speculate.cli import main
from speculate.errors import ManifestError, SpeculateError
from speculate.siblings import sibling
from toolspecs import Manifest
from toolspecs.mcp_listing import list_tools
from toolspecs.proposing import from_mcp, from_traces

LISTING = {
    "tools": [
        {
            "name": "get_x",
            "annotations": {"readOnlyHint": True, "openWorldHint": False},
            "inputSchema": {"properties": {"page": {"default": 3}, "api_key": {}}},
        },
        {"name": "delete_x", "annotations": {"read_only_hint": True}},
        {"name": "list_x", "annotations": {"idempotent_hint": True}},
    ]
}

SERVER = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    print("noise", flush=True)
    result = {}
    if message["method"] == "tools/list":
        result = {"tools": [{"name": "a"}], "nextCursor": "2"}
        if "cursor" in message["params"]:
            result = {"tools": [{"name": "b"}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""


def test_hints_only_propose(tmp_path, capsys):
    """A read-only hint makes a read that does not start early yet; a hint against the name is not believed."""
    (tmp_path / "tools.json").write_text(json.dumps({"result": LISTING}))
    assert main(["manifest", "--from-mcp", str(tmp_path / "tools.json")]) == 0
    text = capsys.readouterr().out
    proposed = Manifest.loads(text)
    assert {name: proposed[name].resolve({}).why_not for name in proposed} == {
        "get_x": "veto", "delete_x": "write", "list_x": "write",
    }  # fmt: skip
    assert proposed["get_x"].sensitive_arguments() == {"api_key"}
    assert (proposed["get_x"].egress, proposed["delete_x"].egress) == ("internal", "external")
    assert proposed["list_x"].idempotent
    assert "the name says otherwise" in text
    assert "default of page: 3" in text
    assert main(["manifest", "--from-mcp", str(tmp_path / "tools.json"), "--trust-hints"]) == 0
    assert Manifest.loads(capsys.readouterr().out)["get_x"].resolve({}).speculable


def test_a_server_is_asked_over_stdio(tmp_path):
    """Every page of its tools, whatever else it prints; a server that ends is named."""
    (tmp_path / "server.py").write_text(SERVER)
    listing = list_tools([sys.executable, str(tmp_path / "server.py")])
    assert [tool["name"] for tool in listing["tools"]] == ["a", "b"]
    with pytest.raises(SpeculateError, match="ended before it answered"):
        list_tools([sys.executable, "-c", "pass"])
    with pytest.raises(SpeculateError, match="cannot be started"):
        list_tools([str(tmp_path / "nothing")])


def test_python_modules_and_files_are_read(tmp_path, capsys, monkeypatch):
    """What is declared stands as it is; what is not, is a write. An existing file is never written over."""
    (tmp_path / "shop_tools_x.py").write_text(
        "from speculate.declare import tool\n@tool(effect='read', reads=[])\ndef hours(): ...\n"
        "def get_y(a, password): ...\n"
    )
    out = tmp_path / "out.toml"
    monkeypatch.delitem(sys.modules, "shop_tools_x", raising=False)
    assert main(["manifest", "--from-python", str(tmp_path / "shop_tools_x.py"), "-o", str(out)]) == 0
    proposed = Manifest.load(out)
    assert proposed["hours"].resolve({}).speculable
    assert proposed["get_y"].resolve({}).why_not == "write"
    assert proposed["get_y"].sensitive_arguments() == {"password"}
    assert main(["manifest", "--from-python", "shop_tools_x", "-o", str(out)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["manifest", "--from-python", "no_such_module_x"]) == 2


def test_traces_give_evidence(tmp_path, capsys):
    """Every tool seen is a write, with what the runs tell about it."""
    calls = [("get_z", {"a": 1}, 5), ("get_z", {"a": 1}, 6)]
    lines = [{"v": 1, "session": "s", "type": "session", "at": 0.0}]
    for number, (tool, args, result) in enumerate(calls):
        lines.append({"session": "s", "type": "turn", "turn": number, "at": 0.0})
        lines.append({"session": "s", "type": "call", "turn": number, "id": str(number), "tool": tool, "args": args})
        lines.append({"session": "s", "type": "result", "id": str(number), "ok": True, "result": result})
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["manifest", "--from-traces", str(tmp_path / "runs.jsonl"), "--name", "mine"]) == 0
    text = capsys.readouterr().out
    assert "Called 2 times; arguments: a (100%)" in text
    assert "0 times the same answer, 1 times another" in text
    assert Manifest.loads(text).name == "mine"


def test_ready_manifests_are_listed_and_printed(capsys):
    """With their comments, to start one's own from."""
    assert main(["manifest", "--ready"]) == 0
    assert "mcp-git" in capsys.readouterr().out
    assert main(["manifest", "--ready", "mcp-git"]) == 0
    assert "index.lock" in capsys.readouterr().out


def test_a_folder_that_shadows_ours_is_named(tmp_path):
    """`toolspecs` is a plain name: the one found must be the one that came with this package."""
    assert sibling("toolspecs").__name__ == "toolspecs"
    with pytest.raises(SpeculateError, match="shadows it; rename"):
        sibling("toolspecs", beside=tmp_path)


TALKER = """
import json, sys
kind = sys.argv[1]
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    id, said = message["id"], {}
    if kind == "slow":
        continue
    if kind == "long":
        print("x" * 20_000_000, flush=True)
    if message["method"] == "tools/list":
        if kind == "error":
            error = {"code": -32601, "message": "no tools here"}
            print(json.dumps({"jsonrpc": "2.0", "id": id, "error": error}), flush=True)
            continue
        said = {"tools": None} if kind == "none" else {"tools": [{"name": f"t{id}"}]}
        if kind == "endless":
            said["nextCursor"] = str(id)
    for other in ([1], {"id": id, "method": "ping"}, {"method": "notifications/x"}, {"id": -1, "result": {}}):
        print(json.dumps(other), flush=True)
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": said}), flush=True)
    if kind == "leaves":
        sys.exit()
"""


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("error", r"tools/list failed: .*no tools here"),
        ("endless", r"the list of tools has no end \(100 pages\)"),
        ("long", r"a line longer than \d+ bytes"),
        ("leaves", r"the server ended before it answered tools/list"),
    ],
)
def test_a_server_that_misbehaves_is_named(kind, problem, tmp_path):
    """Whatever it does, there is one clear error, and it is not left running."""
    (tmp_path / "talker.py").write_text(TALKER)
    with pytest.raises(SpeculateError, match=problem):
        list_tools([sys.executable, str(tmp_path / "talker.py"), kind])


def test_a_server_that_never_answers_is_given_up(tmp_path):
    """After the time that was set."""
    (tmp_path / "talker.py").write_text(TALKER)
    with pytest.raises(SpeculateError, match=r"gave no answer within 0\.05 s"):
        list_tools([sys.executable, str(tmp_path / "talker.py"), "slow"], timeout_s=0.05)


def test_messages_of_other_kinds_are_passed_over(tmp_path):
    """Requests with the same id, notifications, answers to others; no tools are an empty list."""
    (tmp_path / "talker.py").write_text(TALKER)
    command = [sys.executable, str(tmp_path / "talker.py")]
    assert list_tools([*command, "plain"]) == {"tools": [{"name": "t1"}]}
    assert list_tools([*command, "none"]) == {"tools": []}


def test_the_command_asks_a_server_by_its_command_line(tmp_path, capfd):
    """And names the manifest after the program, if no name is given."""
    (tmp_path / "talker.py").write_text(TALKER)
    given = shlex.join([sys.executable, str(tmp_path / "talker.py"), "plain"])
    assert main(["manifest", "--from-mcp", given]) == 0
    proposed = Manifest.loads(capfd.readouterr().out)
    assert (proposed.name, list(proposed)) == (Path(sys.executable).name, ["t1"])
    assert main(["manifest", "--from-mcp", ""]) == 2
    assert "name a JSON file or a command" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("3", "not the result of tools/list"),
        ('{"tools": {}}', "not the result of tools/list"),
        ('[{"name": 3}]', "not the result of tools/list"),
        ("[3]", "not the result of tools/list"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_listing_is_refused(text, problem, tmp_path, capsys):
    """One line that names the file."""
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    assert main(["manifest", "--from-mcp", str(path)]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert "x.json" in "".join(said.split())


def test_schemas_and_hints_of_any_shape_are_taken():
    """A listing comes from a server: what is not as it should be counts as not said."""
    listing = [
        {"name": "get_a", "annotations": [1], "inputSchema": 3},
        {"name": "get_b", "annotations": {"readOnlyHint": "yes"}, "input_schema": {"properties": [1]}},
        {"name": "get_c", "inputSchema": {"properties": {"x": 1, "y": {"default": float("nan")}, "z": {}}}},
        {"name": "get_d", "annotations": {"readOnlyHint": True, "idempotentHint": False}},
        {"name": "get_e", "annotations": {"readOnlyHint": False}},
    ]
    proposal = from_mcp(listing, "n", "here")
    assert [spec.effect.value for spec in proposal.specs.values()] == ["write", "write", "write", "read", "write"]
    assert proposal.specs["get_d"].idempotent is False
    assert not any("default of" in line for lines in proposal.comments.values() for line in lines)
    assert any("stays a write" in line for line in proposal.comments["get_a"])
    assert not any("stays a write" in line for line in proposal.comments["get_e"])  # the server said that it writes


def test_only_a_modules_own_functions_are_proposed(tmp_path, capsys, monkeypatch):
    """Not what it imports, nor private ones, nor values; a module with none is refused, and so is a missing file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some_tools_y.py").write_text(
        "from os.path import join\nLIMIT = 3\ndef _hidden(): ...\ndef now(): ...\ndef get_it(a=1): ...\n"
    )
    (tmp_path / "no_tools_y.py").write_text("LIMIT = 3\n")
    assert main(["manifest", "--from-python", "some_tools_y"]) == 0
    text = capsys.readouterr().out
    assert list(Manifest.loads(text)) == ["now", "get_it"]
    assert text.count("The name looks like a read") == 1
    assert "Parameters: a=1." in text
    assert main(["manifest", "--from-python", "no_tools_y.py"]) == 2
    assert "has no public functions" in " ".join(capsys.readouterr().err.split())
    assert main(["manifest", "--from-python", "missing_y.py"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_runs_without_calls_are_refused():
    """There is nothing to propose."""
    with pytest.raises(ManifestError, match="there are no calls in these runs"):
        from_traces([], "runs")


def test_only_whole_answers_are_evidence(tmp_path, capsys):
    """Calls whose arguments are no JSON, answers that are unknown, cut or missing: counted, not compared."""
    lines = [{"v": 1, "session": "s", "type": "session", "at": 0.0}]
    answers = [5, 5, {"cut": True}, None, 5]
    for number, answer in enumerate(answers):
        lines.append({"session": "s", "type": "turn", "turn": number, "at": 0.0})
        call = {"session": "s", "type": "call", "turn": number, "id": str(number), "tool": "update_z", "args": {"a": 1}}
        lines.append(call)
        if answer == 5:
            lines.append({"session": "s", "type": "result", "id": str(number), "ok": True, "result": 5})
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["manifest", "--from-traces", str(tmp_path / "runs.jsonl")]) == 0
    text = " ".join(capsys.readouterr().out.replace("#", " ").split())
    assert "Called 5 times; arguments: a (100%)" in text
    assert "2 times the same answer, 0 times another" in text
    assert "looks like a read" not in text


def test_a_ready_manifest_and_the_list_are_given_as_json(capsys):
    """`--json` alone owns standard output."""
    assert main(["manifest", "--ready", "--json"]) == 0
    names = json.loads(capsys.readouterr().out)["ready"]
    assert "shell" in names
    assert main(["manifest", "--ready", "shell", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"] == 1


def test_a_missing_package_of_ours_is_named(monkeypatch):
    """What to do is said; an import that fails inside it is not mistaken for that."""
    for missing, kind, match in (
        ("toolspecs", SpeculateError, "'toolspecs' is not installed; reinstall"),
        ("pydantic", ModuleNotFoundError, "gone"),
    ):

        def fail(name, missing=missing):
            raise ModuleNotFoundError("gone", name=missing)

        with monkeypatch.context() as patch:
            patch.setattr(importlib, "import_module", fail)
            with pytest.raises(kind, match=match):
                sibling("toolspecs")


def test_a_folder_without_an_init_shadows_too(tmp_path, monkeypatch):
    """A namespace package has no file of its own; where it stands is said all the same."""
    (tmp_path / "toolspecs").mkdir()
    monkeypatch.delitem(sys.modules, "toolspecs")
    found = ModuleType("toolspecs")
    found.__file__ = None
    found.__path__ = [str(tmp_path / "toolspecs")]
    monkeypatch.setitem(sys.modules, "toolspecs", found)
    with pytest.raises(SpeculateError, match=f"at {tmp_path / 'toolspecs'} is not the package"):
        sibling("toolspecs")
