"""Proposed manifests: evidence in comments, hints not trusted, and the packages that must be ours."""

from __future__ import annotations

import json
import sys

import pytest

from speculate.cli import main
from speculate.errors import SpeculateError
from speculate.siblings import sibling
from toolspecs import Manifest
from toolspecs.mcp_listing import list_tools

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
