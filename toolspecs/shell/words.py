"""POSIX shell words (sh, dash, bash): quoting, escapes, comments, pipes. Everything else ends the reading.

A shell does more than a classifier should follow: this reader understands the part in which a word means
exactly what it says, and stops at the first character that could make it mean something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolspecs.shell.verdict import NotUnderstood

MAX_WORDS = 256


@dataclass(frozen=True, slots=True)
class Word:
    """One word after quote removal.

    `glob_at` is where the first unquoted `*`, `?`, `[` or `{` stands, or -1: from there on the shell may put
    other text, or several words that all begin with what stands before it.
    """

    text: str
    glob_at: int = -1

    @property
    def is_option(self) -> bool:
        return len(self.text) > 1 and self.text[0] == "-"

    @property
    def may_become_option(self) -> bool:
        """Whether a file's name can turn this word into one that begins with "-"."""
        return self.glob_at == 0


_BLANK = re.compile(r"[ \t]+")
_PLAIN = re.compile(r"[A-Za-z0-9_\-./,:@%+=^]+")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE_PLAIN = re.compile(r'[^"\\$`!]+')
# Opening the null device, and giving one stream the other's target, change nothing.
_HARMLESS_REDIRECTION = re.compile(r"(?:[12]?>>?[ \t]*/dev/null|2>&1|1?>&2|<[ \t]*/dev/null)(?=[ \t\n|]|\Z)")
_COMMENT = re.compile(r"#[^\n`$();|&<>{}!\\]*(?=\n|\Z)")
_LITERAL_DOLLAR = frozenset("/|),.:% ")  # after a `$` in double quotes: no name, so the `$` stands for itself
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

_NAMES = {
    ";": "';'",
    "&": "'&'",
    "(": "a subshell",
    ")": "a subshell",
    "<": "a redirection",
    ">": "a redirection",
    "`": "a command substitution",
    "!": "'!' outside single quotes",
    "#": "'#' inside a word",
}


def read_pipeline(text: str) -> list[list[Word]]:
    """The commands of the one pipeline `text` consists of, each as its words. Raises NotUnderstood."""
    if _CONTROL.search(text):
        raise NotUnderstood("a control character")
    stages: list[list[Word]] = [[]]
    position, end, words = 0, len(text), 0
    while position < end:
        character = text[position]
        if character in " \t":
            position = _BLANK.match(text, position).end()  # type: ignore[union-attr]  # it begins with a blank
        elif character == "\n":
            if stages != [[]]:
                rest = _only_blank_or_comments(text, position)
                if not rest:
                    raise NotUnderstood("several lines")
                break
            position += 1
        elif character == "#":
            position = _skip_comment(text, position)
        elif character == "|":
            if text.startswith(("||", "|&"), position):
                raise NotUnderstood(f"'{text[position : position + 2]}'")
            if not stages[-1]:
                raise NotUnderstood("a pipe without a command")
            stages.append([])
            position += 1
        elif character in "<>012" and (harmless := _HARMLESS_REDIRECTION.match(text, position)) is not None:
            position = harmless.end()
        else:
            word, position = _read_word(text, position, end)
            stages[-1].append(word)
            words += 1
            if words > MAX_WORDS:
                raise NotUnderstood(f"more than {MAX_WORDS} words")
    if not stages[-1]:
        raise NotUnderstood("no command" if len(stages) == 1 else "a pipe without a command")
    return stages


def _skip_comment(text: str, position: int) -> int:
    """A comment that would be harmless even to a shell that knows none (an interactive zsh)."""
    comment = _COMMENT.match(text, position)
    if comment is None:
        raise NotUnderstood("a comment with shell syntax in it")
    return comment.end()


def _only_blank_or_comments(text: str, position: int) -> bool:
    while position < len(text):
        if text[position] in " \t\n":
            position += 1
        elif text[position] == "#":
            position = _skip_comment(text, position)
        else:
            return False
    return True


def _read_word(text: str, position: int, end: int) -> tuple[Word, int]:
    start = position
    parts: list[str] = []
    glob_at = -1
    while position < end:
        plain = _PLAIN.match(text, position)
        if plain is not None:
            parts.append(plain[0])
            position = plain.end()
            continue
        character = text[position]
        if character in " \t\n|":
            break
        if character == "'":
            single = _SINGLE.match(text, position)
            if single is None:
                raise NotUnderstood("an open quote")
            parts.append(single[1])
            position = single.end()
        elif character == '"':
            piece, position = _read_double(text, position + 1, end)
            parts.append(piece)
        elif character == "\\":
            escaped = text[position + 1 : position + 2]
            if not (escaped.isascii() and escaped.isprintable() and escaped):
                raise NotUnderstood("a backslash at the end of a line")
            parts.append(escaped)
            position += 2
        elif character in "*?[]{}":
            if character in "*?[{" and glob_at < 0:
                glob_at = sum(map(len, parts))
            parts.append(character)
            position += 1
        elif character == "~":
            if position == start:
                is_understood = text[position + 1 : position + 2] in ("", "/", " ", "\t", "\n", "|")
            else:  # HEAD~1; behind ":" or "=" it may stand for a home directory
                is_understood = text[position - 1].isalnum() or text[position - 1] in "~^"
            if not is_understood:
                raise NotUnderstood("'~' that is not the home directory")
            parts.append(character)
            position += 1
        elif character == "$":
            if text[position + 1 : position + 2] not in ("", " ", "\t", "\n"):
                raise NotUnderstood("'$'")
            parts.append(character)
            position += 1
        elif character == "!":
            if position != start or text[position + 1 : position + 2] not in (" ", "\t"):
                raise NotUnderstood(_NAMES["!"])
            parts.append(character)
            position += 1
        else:
            raise NotUnderstood(_NAMES.get(character, f"{character!r} outside quotes"))
    return Word("".join(parts), glob_at), position


def _read_double(text: str, position: int, end: int) -> tuple[str, int]:
    """What stands in double quotes, from after the opening one, and where it ends."""
    parts: list[str] = []
    while position < end:
        plain = _DOUBLE_PLAIN.match(text, position)
        if plain is not None:
            parts.append(plain[0])
            position = plain.end()
            continue
        character, following = text[position], text[position + 1 : position + 2]
        if character == '"':
            return "".join(parts), position + 1
        if character == "\\":
            if not following or following == "\n":
                raise NotUnderstood("a backslash at the end of a line")
            parts.append(following if following in '$`"\\' else character + following)
            position += 2
        elif character == "$" and (following == '"' or following in _LITERAL_DOLLAR):
            parts.append(character)
            position += 1
        elif character == "$":
            raise NotUnderstood("'$' in double quotes")
        elif character == "!" and following and following in " \t=":  # else: history expansion, if interactive
            parts.append(character)
            position += 1
        else:
            raise NotUnderstood(_NAMES[character])
    raise NotUnderstood("an open quote")
