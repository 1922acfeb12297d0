"""Metrics over HTTP, for a scraper on this machine unless told otherwise."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from speculate.errors import SpeculateError
from speculate.metrics.prometheus import PrometheusMetrics

POLL_S = 0.05  # how long closing takes at most


class _Server(ThreadingWSGIServer):
    """Answers each scrape on a thread of its own."""


class _SixServer(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is not news."""


class MetricsServer:
    """A running endpoint; `close` (or leaving its `with` block) stops its thread and frees the port."""

    def __init__(self, metrics: PrometheusMetrics, port: int, addr: str) -> None:
        try:
            kind = _SixServer if ":" in addr else _Server
            self._server = make_server(addr, port, make_wsgi_app(metrics.registry), kind, _Silent)
        except (OSError, OverflowError) as error:
            raise SpeculateError(f"metrics cannot be served on {addr}:{port}: {error}") from error
        self.addr = addr
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="speculate-metrics", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to scrape."""
        host = f"[{self.addr}]" if ":" in self.addr else self.addr
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop serving and wait until the server's thread is gone. Closing twice is fine."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MetricsServer {self.url}>"


def serve(metrics: PrometheusMetrics, port: int = 9464, addr: str = "127.0.0.1") -> MetricsServer:
    """Serve `metrics` on a thread of its own until `close()`. Port 0 takes any free one.

    Only this machine can reach it unless `addr` says otherwise. Raises SpeculateError if the port is taken.
    """
    return MetricsServer(metrics, port, addr)
