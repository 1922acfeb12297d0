"""The lines of a recorded file: plain or gzipped, torn or not, read in bounded memory, each with its number.

Gzip is told by its first bytes, not by the file's name. A compressed file that ends early is a torn last line.
"""

from __future__ import annotations

import gzip
import logging
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from speculate.errors import TraceError

_log = logging.getLogger(__name__)

MAX_LINE_BYTES = 256 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP_MAGIC = b"\x1f\x8b"

Problem = Callable[[TraceError], None]
"""Is told of every record that is skipped because it cannot be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank, without its end. `is_complete`: its newline was there."""

    number: int
    content: bytes
    is_complete: bool


class Source:
    """A file being read; "-" is standard input, and a pipe will do. Opened once, never sought in.

    `position` of `size` bytes on disk were consumed so far, compressed ones if it is gzipped; both are 0 of a pipe.
    Raises TraceError if it cannot be opened or read, or is no sound gzip file.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        if os.path.isdir(path):
            raise TraceError("is a directory; name the files in it", file=self.name)
        try:
            # Closed by close(), as the class is a context manager; standard input stays open.
            self._raw = open(sys.stdin.fileno() if self.name == "-" else path, "rb", closefd=self.name != "-")  # noqa: SIM115
            self.size = os.fstat(self._raw.fileno()).st_size if self._raw.seekable() else 0
            self.start = self._raw.peek(4)[:4]
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            raise TraceError(f"cannot be opened: {problem}", file=self.name) from error
        is_gzip = self.start.startswith(GZIP_MAGIC)
        self._stream = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw, mode="rb") if is_gzip else self._raw)
        self._pushed = b""
        self._is_open = True

    @property
    def position(self) -> int:
        return self._raw.tell() if self._is_open and self.size else self.size

    def push_back(self, content: bytes) -> None:
        """Have it read again, before what follows."""
        self._pushed = content + self._pushed

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; b"" at the end."""
        if self._pushed:
            content, self._pushed = self._pushed[:count], self._pushed[count:]
            return content
        return self._guard(lambda: self._stream.read(count))

    def readline(self, limit: int) -> bytes:
        """One line with its end, or its first `limit` bytes; b"" at the end."""
        if not self._pushed:
            return self._guard(lambda: self._stream.readline(limit))
        end = self._pushed.find(b"\n", 0, limit) + 1
        if end or len(self._pushed) >= limit:
            return self.read(end or limit)
        start = self.read(limit)
        return start + self._guard(lambda: self._stream.readline(limit - len(start)))

    def _guard(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except EOFError:
            _log.warning("%s: the compressed file ends early; what follows its last whole line is lost", self.name)
            return b""
        except (OSError, zlib.error) as error:
            problem = f"cannot be read further: {getattr(error, 'strerror', None) or error}"
            raise TraceError(problem, file=self.name) from error

    def close(self) -> None:
        self._is_open = False
        self._stream.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def numbered_lines(source: Source) -> Iterator[Line]:
    """The lines that are not blank, counted from 1. Raises TraceError naming the line it could not read."""
    number = 0
    while True:
        try:
            content = source.readline(MAX_LINE_BYTES + 1)
        except TraceError as error:
            raise TraceError(error.problem, file=source.name, line=number + 1) from error
        if not content:
            return
        number += 1
        if number == 1 and content.startswith(BYTE_ORDER_MARK):
            content = content[len(BYTE_ORDER_MARK) :]
        is_complete = content.endswith(b"\n")
        if not is_complete and len(content) > MAX_LINE_BYTES:
            raise TraceError(f"a line of more than {MAX_LINE_BYTES >> 20} MiB", file=source.name, line=number)
        content = content.strip()
        if content:
            yield Line(number, content, is_complete)
