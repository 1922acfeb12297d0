"""The shell classifier: a table both ways, random attacks, and real runs that must leave the folder as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.toolspecs.shell_commands import READ_ONLY, WRITES
from toolspecs.shell import MAX_CHARACTERS, is_read_only, why_not_read_only


def test_the_table_is_large():
    """The table is what the classifier is worth: keep it long, and free of doubles."""
    assert len(READ_ONLY) >= 150
    assert len(WRITES) >= 300
    assert not set(READ_ONLY) & set(WRITES)


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_look_is_read_only(command):
    """Commands that only look may be started early."""
    assert why_not_read_only(command) is None


@pytest.mark.parametrize("command", WRITES)
def test_anything_else_is_a_write(command):
    """Commands that write, might write, never end, or are not understood."""
    assert why_not_read_only(command)
    assert not is_read_only(command)


@pytest.mark.parametrize("command", [None, 3, b"ls", ["ls"], {"a": 1}, True])
def test_only_text_is_a_command(command):
    """Any JSON value may stand where the command should: none but text is read-only."""
    assert not is_read_only(command)


def test_the_reason_names_the_cause():
    """A person reads the reason in `speculate check`."""
    assert why_not_read_only("ls > x") == "a redirection"
    assert why_not_read_only("frobnicate") == "'frobnicate' is not on the read-only list"
    assert why_not_read_only("sed -i p x") == "sed: option -i"
    assert "lock" in str(why_not_read_only("git status"))
    assert len(str(why_not_read_only("x" * 4000))) < 100


def test_long_text_is_refused_at_once():
    """The length is capped, so that judging is bounded."""
    assert why_not_read_only("ls " + "a" * (MAX_CHARACTERS - 3)) is None
    assert "longer" in str(why_not_read_only("ls " + "a" * (MAX_CHARACTERS - 2)))


_BREAKERS = [
    ";",
    "&",
    "&&",
    "||",
    "|&",
    ">",
    ">>",
    ">|",
    "<",
    "<<",
    "<<<",
    "<(",
    ">(",
    "$(",
    "`",
    "(",
    ")",
    "\n",
    "$x",
    "${x}",
]
_SAFE = st.sampled_from([command for command in READ_ONLY if "#" not in command and "\n" not in command])


@given(_SAFE, st.sampled_from(_BREAKERS), _SAFE, st.sampled_from(["", " "]), st.sampled_from(["", " "]))
@settings(max_examples=200)
def test_safe_commands_joined_by_an_operator_are_no_longer_safe(first, breaker, second, before, after):
    """Two looks with any operator, redirection or substitution between them are never one look."""
    assert not is_read_only(first + before + breaker + after + second)


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_never_raises_on_any_text(text):
    """A matcher runs on the path of a real call: it answers, whatever the text."""
    assert why_not_read_only(text) is None or is_read_only(text) is False


_FRAGMENTS = st.sampled_from(
    """
    ls cat grep sed find sort uniq awk head tail wc git echo printf test xxd tee touch rm mv cp tr cut date env tree
    -n -i -o -r -e -f -c -delete -exec -fprint -print -name --output=out --in-place -- - -la {} \\; + ! ( ) .
    a.txt b.txt out sub sub/c.txt *.txt * [ab].txt {a,out} 's/a/b/' 's/a/b/w\\ out' 'w\\ out' 5p '$p' '1,2p' '{print}'
    '{print>"out"}' 'system("touch\\ out")' "a;b" "$HOME" "$(touch\\ out)" `touch\\ out` $x
    | || & && ; > >> < 2>/dev/null
    2>&1 >out 2>out # " ' \\ log status diff show branch new tag v9 stash init add commit -m x show-ref HEAD --cached
    """.split()  # noqa: SIM905  # a list of words reads best as words
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small git repository with files whose names are traps."""
    root: Path = tmp_path_factory.mktemp("attacked")
    (root / "sub").mkdir()
    for name, text in {
        "a.txt": "a\nb\na\n",
        "b.txt": "touch out\n",
        "sub/c.txt": "w out\n",
        "-delete": "x\n",
        "-i": "x\n",
    }.items():
        (root / name).write_text(text)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=root, check=True, env=_environment(root))
    return root


def _environment(root: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin", "HOME": str(root / "sub"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    }  # fmt: skip


def _content(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.mark.skipif(shutil.which("sh") is None or shutil.which("git") is None, reason="runs sh and git for real")
@given(commands=st.lists(st.lists(_FRAGMENTS, min_size=1, max_size=6).map(" ".join), min_size=150, max_size=150))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_it_calls_read_only_changes_nothing_when_run(folder, commands):
    """Random commands it calls read-only, run for real by sh, leave every byte of the folder as it was."""
    passed = [command for command in commands if is_read_only(command)][:8]
    before = _content(folder)
    for command in passed:
        subprocess.run(
            ["sh", "-c", command], cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=20, check=False,
        )  # fmt: skip
        assert _content(folder) == before, command


@pytest.mark.skipif(shutil.which("sh") is None or shutil.which("git") is None, reason="runs sh and git for real")
def test_the_table_of_looks_changes_nothing_when_run(folder):
    """Every command of the table, run for real: the folder, git's index included, stays as it was."""
    os.utime(folder / "a.txt", (1, 1))  # git's index is now out of date: whoever refreshes it is found out
    before = _content(folder)
    for command in READ_ONLY:
        subprocess.run(
            ["sh", "-c", command], cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=20, check=False,
        )  # fmt: skip
        assert _content(folder) == before, command
    subprocess.run(["git", "status"], cwd=folder, env=_environment(folder), capture_output=True, check=True)
    assert _content(folder) != before, "git status refreshes the index; if it no longer does, it may be read-only"
