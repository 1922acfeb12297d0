"""`speculate manifest --from-mcp` against a real server over stdio.

Skipped where the SDK is not installed; `tests/mcp/requirements.txt` has it.
"""

from __future__ import annotations

import json
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from speculate.cli import main
from toolspecs import Manifest
from toolspecs.mcp_listing import list_tools

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="needs the MCP SDK (tests/mcp/requirements.txt)")

SERVER = [sys.executable, str(Path(__file__).with_name("shop.py"))]


def test_a_real_server_lists_its_tools() -> None:
    """The handshake holds, and the schemas arrive whole."""
    listing = list_tools(SERVER)
    tools = {tool["name"]: tool for tool in listing["tools"]}
    assert list(tools) == ["get_order", "delete_order", "set_address", "search"]
    assert tools["get_order"]["inputSchema"]["required"] == ["order_id"]
    assert tools["get_order"]["annotations"]["readOnlyHint"] is True


def test_the_command_proposes_from_a_real_server(capfd: pytest.CaptureFixture[str]) -> None:
    """Hints only propose: nothing starts early until a person has looked."""
    assert main(["manifest", "--from-mcp", shlex.join(SERVER), "--name", "shop"]) == 0
    text = capfd.readouterr().out
    proposed = Manifest.loads(text)
    assert proposed.name == "shop"
    assert {tool: proposed[tool].resolve({"order_id": "7"}).why_not for tool in proposed} == {
        "get_order": "veto", "delete_order": "write", "set_address": "write", "search": "write",
    }  # fmt: skip
    assert proposed["get_order"].sensitive_arguments() == {"api_key"}
    assert (proposed["get_order"].egress, proposed["search"].egress) == ("internal", "external")
    assert proposed["set_address"].idempotent
    assert "the name says otherwise" in text
    assert "default of page: 3" in text


def test_trusted_hints_start_early(tmp_path: Path) -> None:
    """With --trust-hints what the server calls a read is one, and the written file passes `speculate check`."""
    out = tmp_path / "shop.toml"
    assert main(["manifest", "--from-mcp", shlex.join(SERVER), "--trust-hints", "-o", str(out)]) == 0
    proposed = Manifest.load(out)
    assert [tool for tool in proposed if proposed[tool].resolve({"order_id": "7"}).speculable] == ["get_order"]
    assert main(["check", str(out), "--strict"]) == 0


def test_the_listing_saved_to_a_file_proposes_the_same(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Asked now or saved before: the same entries."""
    (tmp_path / "shop.json").write_text(json.dumps(list_tools(SERVER)))
    assert main(["manifest", "--from-mcp", str(tmp_path / "shop.json"), "--name", "x"]) == 0
    from_file = Manifest.loads(capfd.readouterr().out)
    assert main(["manifest", "--from-mcp", shlex.join(SERVER), "--name", "x"]) == 0
    assert dict(Manifest.loads(capfd.readouterr().out)) == dict(from_file)
