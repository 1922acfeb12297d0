"""Files that a file of code imports: `from a.b import c`, `import a.b`, `from "./x"`, `require("../y")`.

Code names modules, tools want paths: beside the file that imports, or from the folder on that a module's name starts
with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MAX_CHARACTERS = 3_000  # at the start of a file
MAX_MODULES = 16
MODULE = ":module"  # ends the path of a module's name, as the path of a file without its ending
NEAR, FAR = "|beside", "|below"

Item = tuple[str, Any, int]  # as in `flatten`

_NUMBER = r"^[ \t]*(?:\d+[\t:|→][ \t]*)?"  # of a line
_IMPORT = re.compile(
    _NUMBER + r"(?:from[ \t]+(\.*[A-Za-z_][\w.]{0,80})[ \t]+import\b|import[ \t]+([A-Za-z_]\w{0,40}\.[\w.]{1,60}))"
    r"|\b(?:from|import|require)[ \t(]{0,4}[\"'](\.{1,2}/[\w./-]{1,80})[\"']",
    re.MULTILINE,
)


def modules_of(text: str) -> list[str]:
    """The modules of a program's own kind, as paths: "a/b", "./x"."""
    head = text[:MAX_CHARACTERS]
    if "import" not in head and "require(" not in head:
        return []
    found: dict[str, None] = {}
    for dotted, plain, path in _IMPORT.findall(head):
        name = dotted or plain
        if name[:1] == ".":
            inner = name.lstrip(".")
            up = len(name) - len(inner) - 1
            path = ("../" * up or "./") + inner.replace(".", "/")
        elif name:
            path = name.strip(".").replace(".", "/")
        if path[:1] == "." or "/" in path:
            found[path] = None
            if len(found) >= MAX_MODULES:
                break
    return list(found)


def imported(items: Sequence[Item], file: str) -> list[Item]:
    """The paths of files that this one imports: their names end as its name does."""
    folder, _, name = file.rpartition("/")
    kind = name[name.rfind(".") :]
    folders = folder.split("/")
    out: list[Item] = []
    for path, value, element in items:
        if not path.endswith(MODULE):
            continue
        first, _, rest = value.partition("/")
        mark, below = NEAR, folders
        if first in {".", ".."}:
            value = rest if first == "." else value
            while value.startswith("../"):
                value, below = value[3:], below[:-1]
        elif first in folders:
            below = folders[: len(folders) - 1 - folders[::-1].index(first)]
        else:
            mark = FAR
        ending = "" if "." in value.rpartition("/")[2] else kind
        out.append((path + mark, "/".join([*below, value]) + ending, element))
    return out
