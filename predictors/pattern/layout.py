"""Entries of a text's lines that are marked as such: "[DIR] src", "- main", "* v2"."""

from __future__ import annotations

import re

MAX_CHARACTERS = 6_000
MAX_ENTRIES = 60
_ENTRY = re.compile(r"^[ \t]*(\[[A-Za-z]{1,8}\]|[-*+•])[ \t]+(\S{1,120})[ \t]*$", re.MULTILINE)


def entries_of(text: str) -> list[tuple[str, str]]:
    """(mark, entry) of every line that is a mark and one word."""
    if "[" not in text and "- " not in text and "* " not in text and "+ " not in text and "• " not in text:
        return []
    found = []
    for match in _ENTRY.finditer(text, 0, MAX_CHARACTERS):
        found.append((match[1], match[2]))
        if len(found) >= MAX_ENTRIES:
            break
    return found
