"""Model files: what a predictor has learned, as versioned JSON a person can read.

    {"speculate-model": 1, "kind": "markov", "model": {…}}

A file is written whole or not at all, and read back only as a kind this installation knows: a model file names
no code to import. Names ending in `.gz` are gzipped.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from predictors.registry import KINDS, Model, predictor_class
from speculate.errors import ModelFileError

VERSION = 1
ENVELOPE = "speculate-model"
_LINE = 110  # characters a value may take before it is spread over several lines
_SPREAD = 6  # levels that are ever spread: deeper values stay on one line, so a file is laid out in linear time


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _layout(value: Any, level: int) -> str:
    """JSON text with short values on one line and long ones spread, so that a file can be read and compared."""
    text = _compact(value)
    if (level and len(text) <= _LINE) or level >= _SPREAD or not isinstance(value, (dict, list)):
        return text
    space = " " * (level + 1)
    if isinstance(value, dict):
        rows = [f"{_compact(key)}: {_layout(item, level + 1)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        rows = [_layout(item, level + 1) for item in value]
        opening, closing = "[", "]"
    inner = f",\n{space}".join(rows)
    return f"{opening}\n{space}{inner}\n{' ' * level}{closing}"


def to_envelope(predictor: object) -> dict[str, Any]:
    """The JSON document of a predictor. Raises ModelFileError if it is of a kind that cannot be saved."""
    if not isinstance(predictor, Model):
        raise ModelFileError(
            f"a {type(predictor).__name__} cannot be saved: it needs KIND, to_document() and from_document()"
        )
    return {ENVELOPE: VERSION, "kind": predictor.KIND, "model": predictor.to_document()}


def from_envelope(document: Any, *, file: str | None = None, also: Iterable[type[Model]] = ()) -> Model:
    """The predictor a document describes. `also`: classes of your own that it may name. Raises ModelFileError."""
    if not isinstance(document, dict) or ENVELOPE not in document:
        raise ModelFileError(
            f'not a model file: a JSON object with "{ENVELOPE}" is expected; `speculate train` writes one', file=file
        )
    version = document[ENVELOPE]
    if type(version) is not int or version < 1:
        raise ModelFileError(f'"{ENVELOPE}" must be a version number such as {VERSION}, not {version!r}', file=file)
    if version > VERSION:
        raise ModelFileError(
            f"written by a newer version (model format {version}; this one reads up to {VERSION}): "
            "upgrade speculate-runtime, or train the model again with this one",
            file=file,
        )
    kind = document.get("kind")
    own = {each.KIND: each for each in also}
    found: Any = own.get(kind) if isinstance(kind, str) else None
    if found is None:
        if not isinstance(kind, str) or kind not in KINDS:
            known = ", ".join(sorted({*KINDS, *own}))
            raise ModelFileError(
                f"the kind of model {kind!r} is not known here (known: {known}); "
                "for a predictor of your own, pass its class to load_predictor(path, also=[…])",
                file=file,
            )
        found = predictor_class(kind)
    body = document.get("model")
    if not isinstance(body, dict):
        raise ModelFileError('"model" is missing or no object: the file is damaged, train it again', file=file)
    try:
        composed = {"also": tuple(own.values())} if getattr(found, "COMPOSED", False) else {}
        loaded: Model = found.from_document(body, **composed)
    except ModelFileError as error:
        raise ModelFileError(error.problem, file=file) from error
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        detail = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"no {kind} model can be read from it ({detail}): train it again", file=file) from error
    return loaded


def save_predictor(predictor: object, path: str | Path) -> None:
    """Write a model file, whole or not at all. Raises ModelFileError.

    A reader at the same moment sees the old file or the new one, never half of it.
    """
    name = str(path)
    try:
        text = _layout(to_envelope(predictor), 0) + "\n"
    except ModelFileError as error:
        raise ModelFileError(error.problem, file=name) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"its document is not JSON: {error}", file=name) from error
    data = text.encode("utf-8", "backslashreplace")  # half a character, as JSON escapes it: \ud800
    if name.endswith(".gz"):
        data = gzip.compress(data, mtime=0)  # no time stamp: equal models are equal files
    target = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _mode(target))  # mkstemp's 0600 would hide the model from its users
        os.replace(temporary, target)  # the atomic rename itself
        temporary = None
    except OSError as error:
        raise ModelFileError(f"cannot be written: {error.strerror or error}", file=name) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, else what a new file gets under the process's umask."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def load_predictor(path: str | Path, also: Iterable[type[Model]] = ()) -> Model:
    """Read a model file. `also`: classes of your own whose kind it may be. Raises ModelFileError."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot be read: {error.strerror or error}", file=name) from error
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ModelFileError(
                f"the gzip data is damaged or cut short ({error}): copy it again", file=name
            ) from error
    try:
        document = json.loads(data)
    except UnicodeDecodeError as error:
        raise ModelFileError("not a model file: it is no text", file=name) from error
    except RecursionError as error:
        raise ModelFileError("not a model file: nested too deep", file=name) from error
    except ValueError as error:
        text = data.decode("utf-8").strip()
        if not text:
            raise ModelFileError("the file is empty: train the model again", file=name) from error
        if text[0] == "{" and (text[-1] != "}" or getattr(error, "pos", 0) >= len(text)):
            raise ModelFileError("the file is cut short: copy it again, or train the model again", file=name) from error
        raise ModelFileError(f"not JSON: {error}; `speculate train --out` writes model files", file=name) from error
    return from_envelope(document, file=name, also=also)
