"""The judgement of a pipeline, command by command."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from toolspecs.shell.awk import check_awk
from toolspecs.shell.commands import ANY_WORDS, GREP, PLAIN, SEQ
from toolspecs.shell.find import check_find
from toolspecs.shell.git import check_git
from toolspecs.shell.options import Parsed, parse
from toolspecs.shell.sed import check_sed
from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word

__all__ = ["NotUnderstood", "check_pipeline"]

_FOLDERS = ("/usr/bin/", "/bin/")
# Variables that only change how a result is shown, or that a program takes no lock for.
_ASSIGNMENT = re.compile(
    r"(?:(?:LC_[A-Z]+|LANG|LANGUAGE|TZ)=[A-Za-z0-9_.@:+-]*|(?:GIT_)?PAGER=cat|GIT_OPTIONAL_LOCKS=0|NO_COLOR=1)\Z"
)
_DEVICE = re.compile(r"(?:\A|=|\A-[A-Za-z]+)/+(?:dev|proc|sys|inet[46]?)(?:/|\Z)")
_DEVICE_ABOVE = re.compile(r"/(?:dev|proc|sys)(?:/|\Z)")


def check_pipeline(stages: Sequence[Sequence[Word]]) -> None:
    """Raises NotUnderstood unless every command of the pipeline only reads."""
    for index, words in enumerate(stages):
        start = 0
        has_optional_locks_off = False
        while start < len(words) and words[start].glob_at < 0 and _ASSIGNMENT.match(words[start].text):
            has_optional_locks_off = has_optional_locks_off or words[start].text == "GIT_OPTIONAL_LOCKS=0"
            start += 1
        if start == len(words):
            raise NotUnderstood("variables set without a command")
        if start and words[start].text == ":":
            raise NotUnderstood("variables set for ':', which keeps them")  # POSIX's special builtin
        _check_command(words[start], words[start + 1 :], index == 0, has_optional_locks_off)


def _check_command(word: Word, words: Sequence[Word], is_first: bool, has_optional_locks_off: bool) -> None:
    name = word.text
    if word.glob_at >= 0 and name != "[":
        raise NotUnderstood("a pattern as the command's name")
    for folder in _FOLDERS:
        if name.startswith(folder):
            name = name.removeprefix(folder)
            break
    if name not in ("echo", "printf"):
        for operand in words:
            _check_path(operand)
    if (plain := PLAIN.get(name)) is not None:
        parsed = parse(name, words, plain)
        if is_first and plain.input_operands is not None:
            _check_input(name, parsed, plain.input_operands)
        if name == "rg" and is_first and not parsed.has("files", "type-list"):
            # Without a path it searches standard input, if that is a pipe or a file.
            _check_input(name, parsed, 1 if parsed.has("e", "regexp") else 2)
        if name == "tail" and any(word.text.startswith("+") for word in parsed.operands):
            raise NotUnderstood("tail: an operand with '+'")  # the old way to write options: `+5f` never ends
    elif name == "git":
        check_git(words, has_optional_locks_off)
    elif name in _SPECIAL:
        _SPECIAL[name](name, words, is_first)
    elif name not in ANY_WORDS:
        shown = name if len(name) <= 40 else name[:39] + "…"
        raise NotUnderstood(f"{shown!r} is not on the read-only list" if shown else "an empty command name")


def _check_path(word: Word) -> None:
    """Devices and kernel files: reading one can take something away (a pipe, /dev/kmsg), or never end."""
    text = word.text
    if text == "/dev/null" or "/" not in text:
        return
    if text[0] == "/":
        if word.glob_at >= 0 and posixpath.dirname(posixpath.normpath(text[: word.glob_at] + "x")) in ("/", "//"):
            raise NotUnderstood("a pattern for a top folder, which may be /dev")
        text = posixpath.normpath(text)
    if _DEVICE.search(text) or (".." in text and _DEVICE_ABOVE.search(text)):
        raise NotUnderstood("a device or a kernel file")


def _check_input(name: str, parsed: Parsed, operands: int) -> None:
    """The first command must not read standard input: that may be the agent's own, and reading takes it away."""
    if len(parsed.operands) < operands or any(word.text == "-" for word in parsed.operands):
        raise NotUnderstood(f"{name}: reads standard input, and nothing is piped into it")


def _check_grep(name: str, words: Sequence[Word], is_first: bool) -> None:
    parsed = parse(name, words, GREP)
    is_recursive = parsed.has("r", "R", "recursive", "dereference-recursive") or "recurse" in parsed.values(
        "d", "directories"
    )
    pattern_given = parsed.has("e", "f", "regexp", "file")
    files = parsed.operands if pattern_given else parsed.operands[1:]
    if "read" in parsed.values("D", "devices") or (
        is_recursive and any(set(word.text) <= {"/", "."} and word.text.startswith("/") for word in files)
    ):
        raise NotUnderstood(f"{name}: may read devices")
    if "-" in parsed.values("f", "file") or (
        is_first and ((not files and not is_recursive) or any(word.text == "-" for word in files))
    ):
        raise NotUnderstood(f"{name}: reads standard input, and nothing is piped into it")


def _check_date(name: str, words: Sequence[Word], is_first: bool) -> None:
    """`date` with an operand that is no +FORMAT sets the clock, as -s does."""
    index = 0
    while index < len(words):
        text = words[index].text
        if words[index].glob_at >= 0:
            raise NotUnderstood("date: a pattern")
        if text == "-d" and index + 1 < len(words) and not words[index + 1].is_option:
            index += 1
        elif not (
            text in ("-u", "-R", "-I", "--utc", "--universal", "--rfc-email")
            or text.startswith(("+", "--date=", "--iso-8601", "--rfc-3339=", "--reference="))
        ):
            raise NotUnderstood(f"date: {text!r}")
        index += 1


_COUNT = re.compile(r"-?[0-9]{1,6}\Z")


def _check_seq(name: str, words: Sequence[Word], is_first: bool) -> None:
    """`seq inf`, or a step of almost nothing, never ends."""
    for word in parse(name, words, SEQ).operands:
        if word.glob_at >= 0 or not _COUNT.match(word.text):
            raise NotUnderstood(f"{name}: not a whole number of at most six digits")


_CONVERSION = re.compile(r"%(?:%|[-+ #0]*[0-9]*(?:\.[0-9]+)?[sdiufeEgGxXocbq])")


def _check_printf(name: str, words: Sequence[Word], is_first: bool) -> None:
    """bash's printf assigns to a variable with -v and with %n, and a subscript there runs commands."""
    if not words or words[0].text.startswith("-") or words[0].glob_at >= 0:
        raise NotUnderstood("printf: an option")
    if "%" in _CONVERSION.sub("", words[0].text):
        raise NotUnderstood("printf: a conversion that is not known to only print")


_TESTS = frozenset(
    "-e -f -d -r -w -x -s -L -h -n -z -nt -ot -ef -eq -ne -gt -lt -ge -le = == != ! -a -o".split()  # noqa: SIM905  # a list of words reads best as words
)


def _check_test(name: str, words: Sequence[Word], is_first: bool) -> None:
    """Only tests known to look: bash's `-v` evaluates a subscript, and with it any command in it."""
    inner = list(words)
    if name == "[" and (not inner or inner.pop().text != "]"):
        raise NotUnderstood("[: no closing ]")
    for word in inner:
        if word.text not in _TESTS and (word.text.startswith("-") or "[" in word.text or word.glob_at >= 0):
            raise NotUnderstood(f"{name}: {word.text!r}")


def _check_command_builtin(name: str, words: Sequence[Word], is_first: bool) -> None:
    """`command -v name` looks a name up; without -v or -V it runs it."""
    if not words or words[0].text not in ("-v", "-V"):
        raise NotUnderstood("command: runs another command")


_SPECIAL: dict[str, Callable[[str, Sequence[Word], bool], None]] = {
    "grep": _check_grep,
    "egrep": _check_grep,
    "fgrep": _check_grep,
    "find": check_find,
    "sed": check_sed,
    "awk": check_awk,
    "gawk": check_awk,
    "mawk": check_awk,
    "date": _check_date,
    "seq": _check_seq,
    "printf": _check_printf,
    "test": _check_test,
    "[": _check_test,
    "command": _check_command_builtin,
}
