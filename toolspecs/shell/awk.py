"""`awk`: programs that certainly only read and print.

awk writes by `print > file`, runs by `system()`, `|` and `getline`, and gawk loads extensions and
opens network connections by file name. Telling a division
from a regular expression takes a whole parser, so the test is blind to quotes and errs towards "no": none of those
signs or names may stand anywhere, strings included; ">" only before the first "{", where nothing can be printed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolspecs.shell.options import grammar, parse
from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word

# -f reads a program from a file; gawk's -i, -l, -o, -p, -d, -E load, write or run.
_AWK = grammar("", "Fv")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENDLESS = re.compile(r"\bfor\s*\([^;()]*;\s*[^\s;<>=!]*\s*;")  # `for (;;)`, `for (;1;)`
_FORBIDDEN = frozenset(
    {"system", "getline", "close", "fflush", "function", "func", "while", "do", "nextfile", "SYMTAB", "ARGV", "ARGC"}
)


def check_awk(name: str, words: Sequence[Word], is_first: bool) -> None:
    """Raises NotUnderstood unless the program only reads."""
    parsed = parse(name, words, _AWK)
    if not parsed.operands:
        raise NotUnderstood(f"{name}: no program")
    if parsed.option_after_operand:
        raise NotUnderstood(f"{name}: an option after the program")
    program, *files = parsed.operands
    if program.glob_at >= 0:
        raise NotUnderstood(f"{name}: an unquoted pattern in the program")
    if is_first and (not files or any(word.text == "-" for word in files)):
        raise NotUnderstood(f"{name}: reads standard input, and nothing is piped into it")
    for assigned in parsed.values("v"):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", assigned, re.DOTALL):
            raise NotUnderstood(f"{name}: -v {assigned}")
    _check_program(name, program.text)


def _check_program(name: str, program: str) -> None:
    pattern, _, actions = program.partition("{")
    if ">" in actions:
        raise NotUnderstood(f"{name}: '>' in an action may write a file")
    if "|" in program.replace("||", ""):
        raise NotUnderstood(f"{name}: '|' may run a command")
    if _ENDLESS.search(program):
        raise NotUnderstood(f"{name}: a loop without a condition")
    if "@" in program:
        raise NotUnderstood(f"{name}: '@' may load or call something")
    for found in _NAME.findall(program):
        if found in _FORBIDDEN:
            raise NotUnderstood(f"{name}: {found}")
    if "print" in pattern:  # a pattern cannot print; then this is no program as understood here
        raise NotUnderstood(f"{name}: print outside an action")
