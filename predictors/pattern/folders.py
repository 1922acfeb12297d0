"""Paths below a folder that the session has named: a listing's entries, a search's matches, what a user typed.

Tools print paths as they stand below the folder they were asked about, and want them whole; or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

from predictors.pattern.flatten import Item

MAX_JOINED = 48  # of one event
MAX_RELATIVE = 120  # characters
MAX_FOLDERS = 64  # of one session
ROOT = ""  # key of the first folder that was named


def is_absolute(value: object) -> bool:
    """Whether this is a whole path, of a file or a folder."""
    return type(value) is str and value[:1] in "/~" and 1 < len(value) <= 200 and "/" in value and " " not in value


def is_folder(value: object) -> bool:
    """Whether this looks like a folder's whole path."""
    return is_absolute(value) and "." not in str(value).rstrip("/").rpartition("/")[2]


def is_file(value: object) -> bool:
    """Whether this looks like the path of a file, from the root or not."""
    if type(value) is not str or not 2 < len(value) <= 200 or " " in value or "://" in value:
        return False
    head, _, tail = value.rpartition("/")
    return bool(head) and 0 < tail.rfind(".") < len(tail) - 1


def beside(items: Sequence[Item], file: str) -> list[Item]:
    """Items that may be files beside this one: those whose names end as its name does."""
    folder, _, name = file.rpartition("/")
    kind = name[name.rfind(".") :]
    return [
        (path + "|beside", f"{folder}/{value.removeprefix('./')}", element)
        for path, value, element in items
        if type(value) is str
        and value.endswith(kind)
        and len(kind) < len(value) <= MAX_RELATIVE
        and value[0] not in "/~"
        and "<" not in path
        and " " not in value
        and "://" not in value
    ][:MAX_JOINED]


def joined(items: Sequence[Item], own: str | None, root: str | None) -> list[Item]:
    """Items put below a folder: `own`, what the call was asked about; `root`, the first that was named."""
    if own is None and root is None:
        return []
    out: list[Item] = []
    folder = (root if own is None else own) or ""
    mark = "|root" if own is None else "|under"
    folder = folder.rstrip("/") + "/"
    for path, value, element in items:
        if type(value) is not str or not 0 < len(value) <= MAX_RELATIVE or " " in value or "\n" in value:
            continue
        if value[0] in "/~":
            if root is not None and value.startswith(root.rstrip("/") + "/"):
                out.append((path + "|relative", value[len(root.rstrip("/")) + 1 :], element))
        elif "://" not in value and "<" not in path and (own is not None or "/" in value):
            out.append((path + mark, folder + value.removeprefix("./"), element))
        if len(out) >= MAX_JOINED:
            break
    return out
