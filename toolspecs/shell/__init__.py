"""Whether a shell command only reads. Parsed, not pattern-matched; what is not fully understood is a write.

A command is read-only if it is one pipeline in which every command is on the list (`commands`, and the commands
with a language of their own: `find`, `sed`, `awk`, `git`), every option of it is known, and the shell itself
does nothing but start them: no redirection (but to /dev/null and 2>&1), no substitution, no variable, no `;`,
no `&`, no second line. The shell is sh, dash or bash; the names are taken to mean the usual tools (GNU, BSD or
busybox), not aliases or functions. The rules, with their reasons, are in docs/manifest.md.
"""

from __future__ import annotations

from functools import lru_cache

from toolspecs.shell.pipeline import NotUnderstood, check_pipeline
from toolspecs.shell.words import read_pipeline

MAX_CHARACTERS = 4096  # longer texts are scripts, not looks; also bounds what the cache below can hold

__all__ = ["is_read_only", "why_not_read_only"]


def is_read_only(command: object) -> bool:
    """Whether `command` is a text that certainly only reads. Never raises; anything but a string is not."""
    return why_not_read_only(command) is None


def why_not_read_only(command: object) -> str | None:
    """Why the command is taken for a write, in a few words, or None if it only reads."""
    if type(command) is not str:
        return "not a string"
    if len(command) > MAX_CHARACTERS:
        return f"longer than {MAX_CHARACTERS} characters"
    return _judge(command)


@lru_cache(maxsize=1024)
def _judge(command: str) -> str | None:
    try:
        check_pipeline(read_pipeline(command))
    except NotUnderstood as reason:
        return str(reason)
    return None
