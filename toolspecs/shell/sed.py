"""`sed`: scripts that only print, select and substitute.

Parsed. Editing in place, `w`, `e`, `r`, labels and inserted text are not understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolspecs.shell.options import grammar, parse
from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word

_SED = grammar(
    "nErsuz",
    "el",
    "quiet silent regexp-extended separate unbuffered null-data posix sandbox debug expression= line-length=",
)
_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"[ \t\n;]*")
_NUMBER = re.compile(r"[0-9]+")
_DELIMITERS = frozenset("/|,#:@!%_~+=")
_COMMANDS = frozenset("=dDgGhHlnNpPxz")
_COMMANDS_WITH_NUMBER = frozenset("qQlL")  # an exit status, or a line length
_SUBSTITUTE_FLAGS = re.compile(r"[gpiIMm0-9]*")  # not `w`, which writes, nor `e`, which runs


def check_sed(name: str, words: Sequence[Word], is_first: bool) -> None:
    """Raises NotUnderstood unless every script only reads and no file is edited in place."""
    parsed = parse(name, words, _SED)
    scripts = parsed.values("e", "expression")
    files = parsed.operands
    if not scripts:
        if not files:
            raise NotUnderstood("sed: no script")
        if files[0].glob_at >= 0:
            raise NotUnderstood("sed: an unquoted pattern in the script")
        scripts, files = [files[0].text], files[1:]
    elif parsed.option_after_operand:
        raise NotUnderstood("sed: an option after a file")  # a script to GNU sed, a file to BSD's
    if is_first and (not files or any(word.text == "-" for word in files)):
        raise NotUnderstood("sed: reads standard input, and nothing is piped into it")
    if not all(_NUMBER.fullmatch(value) for value in parsed.values("l", "line-length")):
        raise NotUnderstood("sed: -l without a number")  # BSD's takes no value: it would be the script
    for script in scripts:
        _check_script(script)


def _check_script(script: str) -> None:
    position = _match_end(_BETWEEN, script, 0)
    while position < len(script):
        position = _after_address(script, position)
        position = _after_command(script, position)
        position = _match_end(_BETWEEN, script, position)


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return position if found is None else found.end()


def _after_address(script: str, position: int) -> int:
    """Behind `addr`, `addr,addr`, `addr~step` and `!`, if there are any."""
    after = _after_one_address(script, position)
    if after != position:
        position = _match_end(_BLANK, script, after)
        if script[position : position + 1] == ",":
            position = _match_end(_BLANK, script, position + 1)
            if script[position : position + 1] in ("+", "~"):
                after = _match_end(_NUMBER, script, position + 1)
            else:
                after = _after_one_address(script, position)
            if after == position:
                raise NotUnderstood("sed: an address after ','")
            position = _match_end(_BLANK, script, after)
    while script[position : position + 1] == "!":
        position = _match_end(_BLANK, script, position + 1)
    return position


def _after_one_address(script: str, position: int) -> int:
    first = script[position : position + 1]
    if first == "$":
        return position + 1
    if first.isascii() and first.isdigit():
        position = _match_end(_NUMBER, script, position)
        return _match_end(_NUMBER, script, position + 1) if script[position : position + 1] == "~" else position
    if first == "/":
        position = _after_pattern(script, position + 1, "/")
    elif first == "\\":
        delimiter = script[position + 1 : position + 2]
        if delimiter not in _DELIMITERS:
            raise NotUnderstood("sed: an unusual delimiter")
        position = _after_pattern(script, position + 2, delimiter)
    else:
        return position
    while script[position : position + 1] in ("I", "M"):
        position += 1
    return position


def _after_command(script: str, position: int) -> int:
    command = script[position : position + 1]
    position += 1
    if command == "{":
        return position  # the next command begins here
    if command == "s":
        position = _after_substitution(script, position)
    elif command == "y":
        position = _after_transliteration(script, position)
    elif command in _COMMANDS_WITH_NUMBER:
        position = _match_end(_NUMBER, script, _match_end(_BLANK, script, position))
    elif command not in _COMMANDS and command != "}":
        raise NotUnderstood(f"sed: command {command!r}" if command else "sed: an address without a command")
    position = _match_end(_BLANK, script, position)
    if script[position : position + 1] not in ("", ";", "\n", "}"):
        raise NotUnderstood(f"sed: {script[position]!r} after a command")
    return position


def _after_substitution(script: str, position: int) -> int:
    delimiter = script[position : position + 1]
    if delimiter not in _DELIMITERS:
        raise NotUnderstood("sed: an unusual delimiter")
    position = _after_pattern(script, position + 1, delimiter)
    position = _after_delimited(script, position, delimiter)
    return _match_end(_SUBSTITUTE_FLAGS, script, position)


def _after_transliteration(script: str, position: int) -> int:
    delimiter = script[position : position + 1]
    if delimiter not in _DELIMITERS:
        raise NotUnderstood("sed: an unusual delimiter")
    return _after_delimited(script, _after_delimited(script, position + 1, delimiter), delimiter)


def _after_delimited(script: str, position: int, delimiter: str) -> int:
    """Behind the next delimiter that no backslash stands before (GNU's reading)."""
    while position < len(script):
        character = script[position]
        if character == "\n":
            break
        if character == "\\":
            if script[position + 1 : position + 2] in ("", "\n"):
                break
            position += 2
        elif character == delimiter:
            return position + 1
        else:
            position += 1
    raise NotUnderstood("sed: an open expression")


def _after_pattern(script: str, position: int, delimiter: str) -> int:
    """Behind a regular expression. GNU ends it at a delimiter inside [...], BSD does not: both must agree."""
    end = _after_delimited(script, position, delimiter)
    inside = position
    while inside < end - 1:
        character = script[inside]
        if character == "\\":
            inside += 2
        elif character == "[":
            inside = _after_bracket(script, inside + 1, end - 1)
        else:
            inside += 1
    return end


def _after_bracket(script: str, position: int, end: int) -> int:
    """Behind a bracket expression that must close before `end`. To some a backslash keeps "]" from closing it."""
    if script[position : position + 1] == "^":
        position += 1
    if script[position : position + 1] == "]":
        position += 1
    while position < end:
        character = script[position]
        if character == "]":
            return position + 1
        if character == "\\" and script[position + 1] == "]":
            raise NotUnderstood("sed: a backslash before ']' in a bracket expression")
        if character == "[":
            kind = script[position + 1 : position + 2]
            if kind in (":", ".", "="):
                close = script.find(kind + "]", position + 2, end)
                if close < 0:
                    break
                position = close + 2
                continue
        position += 1
    raise NotUnderstood("sed: a bracket expression with the delimiter in it")
