"""What options a command is known to take, and how its words are read.

Only options listed are understood, under their full names: GNU tools also take abbreviations, and one of those
could stand for an option that writes. A value is never mistaken for an option: where a tool has a harmful
option in some implementation, a value or an operand that is, or may expand to, a word beginning with "-" is
not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word


@dataclass(frozen=True, slots=True)
class Grammar:
    """The understood options of one command.

    flags: one-letter options without a value; valued: those with one. long_flags, long_valued: likewise
    (`--name value` and `--name=value`); long_optional: `--name` or `--name=value`.
    number: `-5` is understood. is_harmless: no implementation has an option that does more than read.
    input_operands: how many operands it takes before it stops reading standard input (None: never reads it).
    max_operands: more than that are not understood; where it is above 0, options must stand before the operands.
    is_own_parser: it reads options its own way, not getopt's: in `tree -Lo 2 out` the "o" is an option too, so only
    digits may be joined to a letter. is_unclustered: nor are letters joined (`xxd -pc b a` is `xxd -p b a`).
    """

    flags: str = ""
    valued: str = ""
    long_flags: frozenset[str] = frozenset()
    long_valued: frozenset[str] = frozenset()
    long_optional: frozenset[str] = frozenset()
    number: bool = False
    is_harmless: bool = False
    input_operands: int | None = None
    max_operands: int | None = None
    is_own_parser: bool = False
    is_unclustered: bool = False


def grammar(
    flags: str = "",
    valued: str = "",
    long: str = "",
    *,
    number: bool = False,
    is_harmless: bool = False,
    input_operands: int | None = None,
    max_operands: int | None = None,
    is_own_parser: bool = False,
    is_unclustered: bool = False,
) -> Grammar:
    """A Grammar from a compact text: `long` lists names; "name=" takes a value, "name[=]" may."""
    names = long.split()
    return Grammar(
        flags,
        valued,
        frozenset(name for name in names if not name.endswith(("=", "]"))),
        frozenset(name[:-1] for name in names if name.endswith("=")),
        frozenset(name[:-3] for name in names if name.endswith("[=]")),
        number,
        is_harmless,
        input_operands,
        max_operands,
        is_own_parser,
        is_unclustered,
    )


@dataclass(slots=True)
class Parsed:
    """A command's words, read: options with their values in order, operands in order."""

    options: list[tuple[str, str | None]] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)
    option_after_operand: bool = False

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.options)

    def values(self, *names: str) -> list[str]:
        return [value for name, value in self.options if name in names and value is not None]


def parse(command: str, words: Sequence[Word], known: Grammar) -> Parsed:
    """Read the words after the command's name. Raises NotUnderstood."""
    parsed = Parsed()
    index, count = 0, len(words)
    while index < count:
        word = words[index]
        index += 1
        text = word.text
        if text == "--":
            _add_operands(command, words[index:], parsed)
            break
        if not word.is_option:
            if word.may_become_option and not known.is_harmless:
                raise NotUnderstood(f"{command}: a file's name could become an option; begin the pattern with ./")
            parsed.operands.append(word)
            continue
        parsed.option_after_operand = parsed.option_after_operand or bool(parsed.operands)
        if text.startswith("--"):
            index = _read_long(command, word, words, index, known, parsed)
        elif known.number and text[1:].isdecimal() and text.isascii():
            parsed.options.append(("number", text[1:]))
        else:
            index = _read_cluster(command, word, words, index, known, parsed)
    if known.max_operands is not None and len(parsed.operands) > known.max_operands:
        raise NotUnderstood(f"{command}: more operands than it may have and still only read")
    if known.max_operands and parsed.option_after_operand:
        raise NotUnderstood(f"{command}: an option after an operand")  # to BSD's (and xxd) it is the file to write
    if known.max_operands is not None and any(word.glob_at >= 0 for word in parsed.operands):
        raise NotUnderstood(f"{command}: a pattern may become several operands")
    return parsed


def _add_operands(command: str, words: Sequence[Word], parsed: Parsed) -> None:
    parsed.operands.extend(words)


def _read_long(command: str, word: Word, words: Sequence[Word], index: int, known: Grammar, parsed: Parsed) -> int:
    name, equals, value = word.text[2:].partition("=")
    if word.glob_at >= 0 and not (equals and word.glob_at > len(name) + 2):
        raise NotUnderstood(f"{command}: a pattern in an option")
    if equals:
        if name not in known.long_valued and name not in known.long_optional:
            raise NotUnderstood(f"{command}: option --{name}")
        parsed.options.append((name, value))
        return index
    if name in known.long_flags or name in known.long_optional:
        parsed.options.append((name, None))
        return index
    if name in known.long_valued:
        parsed.options.append((name, _value(command, f"--{name}", words, index, known)))
        return index + 1
    raise NotUnderstood(f"{command}: option --{name}")


def _read_cluster(command: str, word: Word, words: Sequence[Word], index: int, known: Grammar, parsed: Parsed) -> int:
    text = word.text
    if word.glob_at >= 0:
        raise NotUnderstood(f"{command}: a pattern in an option")
    if known.is_unclustered and len(text) > 2 and text[1] not in known.valued:
        raise NotUnderstood(f"{command}: joined options")
    for place in range(1, len(text)):
        letter = text[place]
        if letter in known.flags:
            parsed.options.append((letter, None))
        elif letter in known.valued:
            if place + 1 < len(text):
                if known.is_own_parser and not text[place + 1 :].isdigit():
                    raise NotUnderstood(f"{command}: a value joined to -{letter}")
                parsed.options.append((letter, text[place + 1 :]))
                return index
            parsed.options.append((letter, _value(command, f"-{letter}", words, index, known)))
            return index + 1
        else:
            raise NotUnderstood(f"{command}: option -{letter}")
    return index


def _value(command: str, option: str, words: Sequence[Word], index: int, known: Grammar) -> str:
    if index >= len(words):
        raise NotUnderstood(f"{command}: {option} without its value")
    word = words[index]
    if word.glob_at >= 0:
        raise NotUnderstood(f"{command}: a pattern as the value of {option}")
    if word.is_option and not known.is_harmless:
        raise NotUnderstood(f"{command}: the value of {option} looks like an option")
    return word.text
