"""What a report is drawn from: the JSON of an audit or of a replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from speculate.errors import SpeculateError

_REPLAY_KEYS = ("sessions", "speculation", "latency", "safety")


class ReportError(SpeculateError):
    """A report cannot be drawn from this. Names the file."""

    def __init__(self, problem: str, *, file: str) -> None:
        self.problem, self.file = problem, file
        super().__init__(f"{file}: {problem}")


@dataclass(frozen=True, slots=True)
class Source:
    """A document and what wrote it."""

    name: str
    kind: Literal["audit", "replay"]
    document: Mapping[str, Any]


def load(path: str | Path) -> Source:
    """Read the JSON of `speculate audit --json` or `speculate replay --json`. Raises ReportError."""
    file = str(path)
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"not JSON: {error}", file=file) from error
    return Source(Path(path).stem, kind_of(document, file), document)


def kind_of(document: Any, file: str) -> Literal["audit", "replay"]:
    """What wrote this document. Raises ReportError."""
    if isinstance(document, dict) and document.get("audit") == 1 and isinstance(document.get("remedies"), dict):
        return "audit"
    if isinstance(document, dict) and all(isinstance(document.get(key), dict) for key in _REPLAY_KEYS[1:]):
        return "replay"
    raise ReportError(
        "neither an audit nor a replay; write one with speculate audit … --json FILE or speculate replay … --json FILE",
        file=file,
    )
