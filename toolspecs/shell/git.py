"""`git`: subcommands and options that only read.

Two things look like reading and are not: `git status`, and `git diff` of the working tree, refresh the index as
they go. They take .git/index.lock, so a real `git add` beside them fails, and one that is killed leaves the lock
behind. `git --no-optional-locks status` (or GIT_OPTIONAL_LOCKS=0) takes none; `git diff` heeds neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolspecs.shell.options import Grammar, Parsed, grammar, parse
from toolspecs.shell.verdict import NotUnderstood
from toolspecs.shell.words import Word

_DIFF = """
patch no-patch raw stat[=] numstat shortstat summary name-only name-status no-color color[=] word-diff[=] color-words
full-index binary abbrev[=] find-renames[=] find-copies[=] no-renames diff-filter= pickaxe-regex pickaxe-all
ignore-space-at-eol ignore-space-change ignore-all-space ignore-blank-lines ignore-cr-at-eol minimal patience histogram
unified= inter-hunk-context= function-context no-ext-diff no-textconv text no-prefix src-prefix= dst-prefix= relative[=]
dirstat[=] compact-summary check exit-code quiet no-indent-heuristic diff-algorithm=
"""
_LOG = """
oneline graph decorate[=] no-decorate all branches[=] tags[=] remotes[=] format= pretty[=]
abbrev-commit no-abbrev-commit max-count= skip= since= after= until= before= author= committer=
grep= all-match invert-grep no-merges merges
first-parent reverse follow date= date-order author-date-order topo-order left-right cherry-pick cherry-mark
ancestry-path simplify-by-decoration full-history parents children boundary source encoding= regexp-ignore-case
fixed-strings extended-regexp perl-regexp no-notes relative-date
"""
_DIFF_FLAGS = "pusbwzRaWC"
LOG = grammar(_DIFF_FLAGS + "cmtigEFPM", "nLSGU", _DIFF + _LOG, number=True)
DIFF = grammar(_DIFF_FLAGS + "M", "SGU", _DIFF + "cached staged merge-base no-index")

_READS: dict[str, Grammar] = {
    "log": LOG,
    "show": LOG,
    "shortlog": grammar("nse", "", _LOG + "summary numbered email"),
    "reflog": LOG,
    "diff": DIFF,
    "diff-tree": grammar(_DIFF_FLAGS + "rtMcm", "SGU", _DIFF + "root no-commit-id cc"),
    "blame": grammar("lstwbefnpMCc", "L", "porcelain line-porcelain show-name show-number root date= abbrev= since="),
    "ls-files": grammar(
        "cdmoiksutvfz", "xX", "cached deleted modified others ignored stage unmerged killed directory full-name "
        "exclude-standard exclude= error-unmatch abbrev[=] deduplicate eol format="
    ),
    "ls-tree": grammar("drtlz", "", "long name-only name-status full-name full-tree abbrev[=] object-only format="),
    "rev-parse": grammar(
        "q",
        "",
        "show-toplevel git-dir git-common-dir absolute-git-dir show-prefix show-cdup is-inside-work-tree "
        "is-bare-repository abbrev-ref[=] short[=] verify quiet symbolic symbolic-full-name all branches[=] tags[=] "
        "remotes[=]",
    ),
    "rev-list": grammar(
        "ci", "n", _LOG + "count objects left-only right-only not no-walk[=] max-parents= min-parents= timestamp",
        number=True
    ),
    "cat-file": grammar("ptse"),
    "merge-base": grammar("a", "", "all octopus is-ancestor fork-point independent"),
    "name-rev": grammar("", "", "tags name-only always all refs="),
    "for-each-ref": grammar(
        "", "", "count= sort= format= points-at= merged[=] no-merged[=] contains[=] no-contains[=]"
    ),
    "show-ref": grammar("dsq", "", "head heads tags dereference hash[=] verify quiet abbrev[=]"),
    "describe": grammar(
        "", "", "all tags contains abbrev= candidates= exact-match match= exclude= always long first-parent"
    ),
    "grep": grammar(
        "vwiIhHLlcqnEFGPopWra", "eABCm", "cached untracked no-index exclude-standard no-exclude-standard line-number "
        "column ignore-case word-regexp invert-match files-with-matches name-only files-without-match count "
        "only-matching "
        "extended-regexp basic-regexp perl-regexp fixed-strings break heading show-function function-context quiet "
        "all-match and or not max-depth= threads= context= after-context= before-context= color[=] no-color text",
        number=True,
    ),
    "check-ignore": grammar("qvnz", "", "verbose quiet non-matching no-index"),
    "count-objects": grammar("vH", "", "verbose human-readable"),
    "status": grammar(
        "sbuz", "", "short branch porcelain[=] long verbose untracked-files[=] ignored[=] no-renames show-stash "
        "ahead-behind no-ahead-behind"
    ),
    "version": grammar("", "", "build-options"),
}  # fmt: skip

_BRANCH = grammar(
    "arvi",
    "",
    "all remotes list verbose show-current no-color color[=] no-abbrev abbrev= column[=] no-column sort= format= "
    "ignore-case points-at= contains[=] no-contains[=] merged[=] no-merged[=]",
)
_BRANCH_LISTS = ("list", "contains", "no-contains", "merged", "no-merged")
_TAG = grammar(
    "lni",
    "",
    "list sort= format= points-at= contains[=] no-contains[=] merged[=] no-merged[=] no-column column[=] "
    "no-color color[=]",
)
_REMOTE = grammar("v", "", "verbose", max_operands=0)
_CONFIG = grammar(
    "lz",
    "",
    "get get-all get-regexp list global local system worktree show-origin show-scope name-only null type= bool int "
    "path",
)
_CONFIG_READS = ("get", "get-all", "get-regexp", "list", "l")
_WORKTREE_LIST = grammar("vz", "", "porcelain verbose", max_operands=0)

# HEAD~2..HEAD, abc1234...def5678: nothing that could be a path, for a path means the working tree.
_RANGE = re.compile(r"(?:HEAD|[0-9a-f]{7,40})[~^0-9]*\.\.\.?(?:HEAD|[0-9a-f]{7,40})[~^0-9]*\Z")


def check_git(words: Sequence[Word], has_optional_locks_off: bool) -> None:
    """Raises NotUnderstood unless the subcommand and its options only read."""
    index = 0
    while index < len(words) and words[index].is_option:
        option = words[index].text
        if option == "--no-optional-locks":
            has_optional_locks_off = True
        elif option == "-C" and index + 1 < len(words) and words[index + 1].glob_at < 0:
            index += 1
        elif option == "--version" and len(words) == 1:
            return
        elif option not in ("--no-pager", "-P", "--literal-pathspecs"):
            raise NotUnderstood(f"git: option {option}")
        index += 1
    if index == len(words) or words[index].glob_at >= 0:
        raise NotUnderstood("git: no subcommand")
    subcommand, rest = words[index].text, words[index + 1 :]
    if (known := _READS.get(subcommand)) is not None:
        parsed = parse(f"git {subcommand}", rest, known)
        _check_formats(parsed)
        if subcommand == "status" and not has_optional_locks_off:
            raise NotUnderstood("git status takes the index lock; git --no-optional-locks status does not")
        if subcommand == "diff":
            _check_diff(parsed)
        if subcommand == "reflog" and parsed.operands and parsed.operands[0].text != "show":
            raise NotUnderstood("git reflog: only `show` reads")
        if subcommand == "shortlog" and not parsed.operands:
            raise NotUnderstood("git shortlog: reads standard input without a revision")
    elif (check := _LISTS.get(subcommand)) is not None:
        check(rest)
    else:
        raise NotUnderstood(f"git {subcommand}")


def _check_formats(parsed: Parsed) -> None:
    """%G… has gpg verify a signature, and gpg may create its home folder and start an agent."""
    if any("%G" in value or "%(signature" in value for value in parsed.values("format", "pretty")):
        raise NotUnderstood("git: a format that verifies signatures")


def _check_diff(parsed: Parsed) -> None:
    if parsed.has("cached", "staged", "no-index"):
        return
    if len(parsed.operands) >= 1 and parsed.operands[0].glob_at < 0 and _RANGE.match(parsed.operands[0].text):
        return
    raise NotUnderstood("git diff refreshes the index, and takes its lock; git diff --cached and A..B do not")


def _check_branch(rest: Sequence[Word]) -> None:
    parsed = parse("git branch", rest, _BRANCH)
    _check_formats(parsed)
    if parsed.operands and not parsed.has(*_BRANCH_LISTS):
        raise NotUnderstood("git branch: a name to create")


def _check_tag(rest: Sequence[Word]) -> None:
    parsed = parse("git tag", rest, _TAG)
    _check_formats(parsed)
    if parsed.operands and not parsed.has("l", "list"):
        raise NotUnderstood("git tag: a name to create")


def _check_remote(rest: Sequence[Word]) -> None:
    if rest and rest[0].text == "get-url":
        parse("git remote get-url", rest[1:], grammar("", "", "push all"))
        return
    parse("git remote", rest, _REMOTE)


def _check_config(rest: Sequence[Word]) -> None:
    parsed = parse("git config", rest, _CONFIG)
    if not parsed.has(*_CONFIG_READS):
        raise NotUnderstood("git config: only --get and --list read")


def _check_stash(rest: Sequence[Word]) -> None:
    if not rest or rest[0].glob_at >= 0 or rest[0].text not in ("list", "show"):
        raise NotUnderstood("git stash: only `list` and `show` read")
    _check_formats(parse("git stash", rest[1:], LOG))


def _check_worktree(rest: Sequence[Word]) -> None:
    if not rest or rest[0].text != "list":
        raise NotUnderstood("git worktree: only `list` reads")
    parse("git worktree list", rest[1:], _WORKTREE_LIST)


_LISTS = {
    "branch": _check_branch,
    "tag": _check_tag,
    "remote": _check_remote,
    "config": _check_config,
    "stash": _check_stash,
    "worktree": _check_worktree,
}
