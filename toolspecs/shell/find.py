"""`find`: tests and printing only. -exec, -ok, -delete, -fprint and what is not known are not understood."""

from __future__ import annotations

from collections.abc import Sequence

from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word

_BEFORE_PATHS = frozenset({"-H", "-L", "-P"})
_ALONE = frozenset(
    """
    -print -print0 -ls -prune -quit -empty -readable -writable -executable -true -false -follow -xdev -mount -depth
    -nouser -nogroup -daystart -noleaf -nowarn -warn -ignore_readdir_race
    -o -or -a -and -not ! ( ) ,
    """.split()  # noqa: SIM905  # a list of words reads best as words
)
_WITH_VALUE = frozenset(
    """
    -name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -size -mtime -mmin -atime
    -amin -ctime -cmin -newer -anewer -cnewer -newermt -newerct -maxdepth -mindepth -perm -user -group -uid -gid
    -links -inum -samefile -printf -lname -ilname -fstype -used
    """.split()  # noqa: SIM905  # a list of words reads best as words
)


def check_find(name: str, words: Sequence[Word], is_first: bool) -> None:
    """Raises NotUnderstood unless every word is a start path or a predicate that only looks."""
    index = 0
    while index < len(words) and words[index].text in _BEFORE_PATHS:
        index += 1
    while index < len(words) and not _begins_expression(words[index]):
        _check_pattern(words[index])
        index += 1
    while index < len(words):
        word = words[index]
        text = word.text
        if word.glob_at >= 0:
            raise NotUnderstood("find: a pattern in the expression; quote it")
        if text in _WITH_VALUE:
            index += 1
            if index == len(words):
                raise NotUnderstood(f"find: {text} without its value")
            _check_pattern(words[index])
        elif text not in _ALONE:
            raise NotUnderstood(f"find: {text}")
        index += 1


def _begins_expression(word: Word) -> bool:
    return word.text.startswith(("-", "(", "!", ",", ")"))


def _check_pattern(word: Word) -> None:
    """An unquoted pattern turns into names of files, and one of those could be "-delete".

    Not if something stands before the first wildcard, nor if a "." is part of it: no action of `find` has one.
    """
    if word.glob_at == 0 and not ("." in word.text and "[" not in word.text and "{" not in word.text):
        raise NotUnderstood("find: a file's name could become an action; quote the pattern")
