"""A session file by the real Claude Code program, against a scripted server on this machine.

Only with CLAUDE_CODE_BINARY set to the program; it gets a home folder of its own, so nobody's own set-up is touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.importers.real import scenario

READS = (("call_1", "o1.json"), ("call_2", "o2.json")), (("call_3", "none.json"),), ()


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


class Scripted(BaseHTTPRequestHandler):
    """Answers as the scenario's model would, with the program's own Read tool."""

    folder = ""

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
            self.send_response(404)
            self.end_headers()
            return
        number = sum(message["role"] == "assistant" for message in body["messages"])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        usage = {"input_tokens": 100 + number, "output_tokens": 1}
        message = {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        self.wfile.write(_event({"type": "message_start", "message": message}))
        calls = READS[number] if body.get("tools") else ()
        text = (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number]
        blocks: list[tuple[dict[str, Any], dict[str, Any]]] = []
        if text:
            blocks.append(({"type": "text", "text": ""}, {"type": "text_delta", "text": text}))
        for id, name in calls:
            arguments = json.dumps({"file_path": f"{self.folder}/{name}"})
            start = {"type": "tool_use", "id": id, "name": "Read", "input": {}}
            blocks.append((start, {"type": "input_json_delta", "partial_json": arguments}))
        for index, (start, delta) in enumerate(blocks):
            self.wfile.write(_event({"type": "content_block_start", "index": index, "content_block": start}))
            self.wfile.write(_event({"type": "content_block_delta", "index": index, "delta": delta}))
            self.wfile.write(_event({"type": "content_block_stop", "index": index}))
        reason = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
        self.wfile.write(_event({"type": "message_delta", "delta": reason, "usage": {"output_tokens": 10}}))
        self.wfile.write(_event({"type": "message_stop"}))


def produce(folder: Path) -> Path:
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    (work / "o1.json").write_text('{"status": "shipped"}')
    (work / "o2.json").write_text('{"status": "open"}')
    handler = type("Handler", (Scripted,), {"folder": str(work)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "ANTHROPIC_API_KEY": "none",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        command = [os.environ["CLAUDE_CODE_BINARY"], "-p", scenario.USER, "--allowedTools", "Read"]
        subprocess.run(command, cwd=work, env=environment, check=True, timeout=120, capture_output=True)
        server.shutdown()
    (path,) = home.rglob("*.jsonl")
    return path
