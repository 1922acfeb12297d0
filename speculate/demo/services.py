"""The shop's services: a real HTTP server on 127.0.0.1 that takes the time such services take.

Each path has its own latency, drawn once from a lognormal, so both arms of the demo meet the same world.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

LATENCY_MEDIAN_S = 0.35
LATENCY_SIGMA = 0.35
LATENCY_LIMIT_S = 1.0


def latency_s(path: str, seed: int, pace: float = 1.0) -> float:
    """Seconds this path takes: median 0.35, at most 1, times `pace`."""
    drawn = Random(f"{seed} {path}").lognormvariate(0.0, LATENCY_SIGMA)  # noqa: S311 - a made-up latency
    return min(LATENCY_LIMIT_S, LATENCY_MEDIAN_S * drawn) * pace


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the handlers, so no thread outlives the demo

    def __init__(self, answers: Mapping[str, Any], seed: int, pace: float) -> None:
        self.answers, self.seed, self.pace = answers, seed, pace
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away before its answer was ready: a guess that was aborted."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.server.stopping.wait(latency_s(path, self.server.seed, self.server.pace))
        answer = self.server.answers.get(path)
        body = json.dumps({"error": f"nothing at {path}"} if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: the demo prints its own account."""


class Services:
    """The running server. `port` is where; leaving its `with` block stops it and every thread of it."""

    def __init__(self, answers: Mapping[str, Any], seed: int, pace: float = 1.0) -> None:
        self._server = _Server(answers, seed, pace)
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-services"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
