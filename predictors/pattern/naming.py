"""What names of fields stand as in a model, in clear or by their seals: in every kind of key that holds names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from predictors.pattern.records import JOIN, PAIR
from predictors.pattern.sealing import KEY, SEAL, SEPARATOR, fits_paths, is_seal, rewritten, seal_of, split_places

Change = Callable[[str], str]

MAX_CACHED = 50_000  # paths


class _Paths(dict[str, str]):
    """What paths are changed to."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Change) -> None:
        super().__init__()
        self._keys = keys

    def __missing__(self, path: str) -> str:
        if len(self) >= MAX_CACHED:
            self.clear()
        found = self[path] = rewritten(path, self._key)
        return found

    def _key(self, key: str) -> str:
        found = self._keys(key)
        return found if found[:1] == SEAL or fits_paths(found) else key


class Naming:
    """Changes the names and seals in what is counted. keys, arguments: give the name or the seal that stands for one,
    of a key in a path and of an argument. `path` changes a path, a rule of an argument, or a group of records."""

    __slots__ = ("_arguments", "path")

    def __init__(self, keys: Change, arguments: Change) -> None:
        self.path: Change = _Paths(keys).__getitem__  # asked of every item of every event in a sample
        self._arguments = arguments

    def argument(self, name: str) -> str:
        """An argument, or a value within one."""
        return KEY.join([self._arguments(head) + places for head, places in map(split_places, name.split(KEY))])

    def joint(self, rule: str) -> str:
        """A joint rule, or a group of records."""
        group, mark, pairs = rule.partition(JOIN)
        if not mark:
            return self.path(group)
        renamed = [(self.argument(name), self.path(path)) for name, _, path in
                   (pair.partition("=") for pair in pairs.split(PAIR))]  # fmt: skip
        return f"{self.path(group)}{JOIN}{PAIR.join([f'{name}={path}' for name, path in sorted(renamed)])}"

    def form(self, form: str) -> str:
        """The argument names of a call."""
        return form and SEPARATOR.join(sorted(map(self.argument, form.split(SEPARATOR))))

    def owner(self, owner: str) -> str:
        """A tool and one of its arguments, or two."""
        tool, mark, arguments = owner.partition(SEPARATOR)
        return f"{tool}{mark}{self.form(arguments)}"


def in_clear(names: Iterable[str]) -> Change:
    """These names in clear, and all others sealed."""
    by_seal = {seal_of(name): name for name in names}

    def change(name: str) -> str:
        if is_seal(name):
            return by_seal.get(name, name)
        seal = seal_of(name)
        return name if seal in by_seal else seal

    return change
