"""A made-up repository: files with functions on known lines, tests beside them, a history, one fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from benchmarks.prediction.worlds.vocabulary import NOUNS, VERBS, hexadecimal, letters


@dataclass(slots=True)
class Source:
    """One file: its path from the root, and the line each function is defined on."""

    path: str
    functions: dict[str, int]
    length: int

    def text(self, offset: int, limit: int) -> str:
        """These lines, numbered as editors' tools number them."""
        at = {line: name for name, line in self.functions.items()}
        out = []
        for line in range(max(1, offset), min(self.length, offset + limit - 1) + 1):
            body = f"def {at[line]}(self, value):" if line in at else "    value = self.step(value)" if line % 3 else ""
            out.append(f"{line:6}\t{body}")
        return "\n".join(out)


@dataclass(slots=True)
class Repository:
    """What the tools of a coding assistant look at."""

    root: str
    package: str
    sources: list[Source]
    tests: list[Source]
    broken: Source
    symbol: str
    callers: list[Source]
    commits: list[tuple[str, str]]
    style: str = field(default="src")

    @property
    def line(self) -> int:
        return self.broken.functions[self.symbol]

    def test_of(self, source: Source) -> Source:
        """The tests of a file."""
        return self.tests[self.sources.index(source)]

    def listing(self, folder: str) -> str:
        """A folder's entries, folders first."""
        prefix = f"{folder}/" if folder else ""
        names = {each.path[len(prefix) :] for each in [*self.sources, *self.tests] if each.path.startswith(prefix)}
        folders = sorted({name.partition("/")[0] for name in names if "/" in name})
        files = sorted(name for name in names if "/" not in name)
        extra = [] if folder else ["README.md", "pyproject.toml"]
        return "\n".join([*(f"[DIR] {name}" for name in folders), *(f"[FILE] {name}" for name in [*files, *extra])])

    def grep(self) -> str:
        """Where the symbol stands: its definition, callers, tests."""
        rows = [f"{self.broken.path}:{self.line}:    def {self.symbol}(self, value):"]
        for each in self.callers:
            line = next(iter(each.functions.values())) + 4
            rows.append(f"{each.path}:{line}:        return self.{self.broken_stem}.{self.symbol}(value)")
        test = self.test_of(self.broken)
        rows.append(f"{test.path}:{next(iter(test.functions.values())) + 1}:    assert {self.symbol}(1) == 2")
        return "\n".join(rows)

    @property
    def broken_stem(self) -> str:
        return self.broken.path.rpartition("/")[2].removesuffix(".py")

    @property
    def failing_test(self) -> str:
        test = self.test_of(self.broken)
        return f"{test.path}::{next(iter(test.functions))}"

    def failure(self, line: int) -> str:
        """What the test runner prints when the fault is still there."""
        test = self.test_of(self.broken)
        name, at = next(iter(test.functions.items()))
        return (
            "============================= test session starts ==============================\n"
            f"collected {len(test.functions)} items\n\n{test.path} F{'.' * (len(test.functions) - 1)}\n\n"
            "=================================== FAILURES ===================================\n"
            f"____ {name} ____\n\n    def {name}():\n>       assert {self.symbol}(1) == 2\n\n"
            f"{test.path}:{at + 1}:\n_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _\n{self.broken.path}:{line}: in {self.symbol}\n"
            "E       ValueError: unexpected value\n"
            "=========================== short test summary info ============================\n"
            f"FAILED {self.failing_test} - ValueError: unexpected value\n1 failed in 0.21s"
        )

    def passing(self, path: str) -> str:
        return f"collected 4 items\n\n{path} ....\n\n{'=' * 30} 4 passed in 0.18s {'=' * 30}"

    def traceback(self) -> str:
        """What the user pastes."""
        caller = self.callers[0]
        name, at = next(iter(caller.functions.items()))
        return (
            "Traceback (most recent call last):\n"
            f'  File "{self.root}/{caller.path}", line {at + 4}, in {name}\n'
            f"    return self.{self.broken_stem}.{self.symbol}(value)\n"
            f'  File "{self.root}/{self.broken.path}", line {self.line + 3}, in {self.symbol}\n'
            '    raise ValueError("unexpected value")\n'
            "ValueError: unexpected value"
        )

    def log(self) -> str:
        """The latest commits, as a log prints them."""
        rows = []
        for sha, subject in self.commits:
            rows.append(
                f"commit {sha}\nAuthor: dev <dev@example.com>\nDate:   Mon Mar 4 10:00:00 2024\n\n    {subject}\n"
            )
        return "\n".join(rows)

    def diff(self) -> str:
        """The change made, not staged."""
        path, line = self.broken.path, self.line
        return (
            f"diff --git a/{path} b/{path}\nindex {self.commits[0][0][:7]}..{self.commits[1][0][:7]} 100644\n"
            f"--- a/{path}\n+++ b/{path}\n@@ -{line},7 +{line},7 @@ def {self.symbol}(self, value):\n"
            "-        value = self.step(value)\n+        value = self.step(value or 0)\n"
        )


def make_repository(rng: Random) -> Repository:
    """A repository with one fault in one function."""
    package = rng.choice(NOUNS) + rng.choice(("kit", "lib", "core", "flow"))
    root = rng.choice(
        (f"/home/{letters(rng, 5)}/{package}", f"/workspace/{package}", f"/Users/{letters(rng, 4)}/code/{package}")
    )
    prefix = rng.choice((f"src/{package}", package))
    stems = rng.sample(NOUNS, rng.randint(5, 9))
    sources, tests = [], []
    for stem in stems:
        folder = rng.choice(("", "", "core/", "api/"))
        functions: dict[str, int] = {}
        line = rng.randint(8, 30)
        for _ in range(rng.randint(3, 7)):
            functions.setdefault(f"{rng.choice(VERBS)}_{rng.choice(NOUNS)}", line)
            line += rng.randint(9, 60)
        sources.append(Source(f"{prefix}/{folder}{stem}.py", functions, line + 20))
        checks = {f"test_{name}": 12 + 9 * n for n, name in enumerate(functions)}
        tests.append(Source(f"tests/test_{stem}.py", checks, 20 + 9 * len(checks)))
    broken = rng.choice(sources)
    others = [each for each in sources if each is not broken]
    return Repository(
        root=root,
        package=package,
        sources=sources,
        tests=tests,
        broken=broken,
        symbol=rng.choice(list(broken.functions)),
        callers=rng.sample(others, rng.randint(1, 3)),
        commits=[(hexadecimal(rng, 40), f"{rng.choice(VERBS)} the {rng.choice(NOUNS)}".capitalize()) for _ in range(5)],
        style=prefix,
    )
