"""awk, sed, find and the commands that read options their own way: what must be refused, and that it is for a reason.

Where a tool is installed, each attack that was found is run for real, to show that it writes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from toolspecs.shell import is_read_only, why_not_read_only

REFUSED = {
    # awk
    "awk": "awk: no program",
    "awk -F: -v": "awk: -v without its value",
    "awk 1 -v x=1 a.txt": "awk: an option after the program",
    "awk x* a.txt": "awk: an unquoted pattern in the program",
    "awk -v 2x=1 1 a.txt": "awk: -v 2x=1",
    "awk -vx 1 a.txt": "awk: -v x",
    "awk print a.txt": "awk: print outside an action",
    "awk 'print $1 > \"out\"' a.txt": "awk: print outside an action",
    "awk 'BEGIN{printf \"x\" >\"out\"}' a.txt": "awk: '>' in an action may write a file",
    "awk '{print | \"cat > out\"}' a.txt": "awk: '>' in an action may write a file",
    "awk '{print | \"sh\"}' a.txt": "awk: '|' may run a command",
    "awk '{print ||| \"sh\"}' a.txt": "awk: '|' may run a command",
    "awk '{print |& \"sh\"}' a.txt": "awk: '|' may run a command",
    "awk '{\"date\" | getline}' a.txt": "awk: '|' may run a command",
    "awk '{getline < \"b.txt\"}' a.txt": "awk: getline",
    "awk '{awk::system(\"touch out\")}' a.txt": "awk: system",
    "awk '@include \"x\"' a.txt": "awk: '@' may load or call something",
    "awk '{f=\"system\"; @f(\"touch out\")}' a.txt": "awk: '@' may load or call something",
    "awk 'BEGIN{ARGV[1]=\"-\"} 1' a.txt": "awk: ARGV",
    "awk '{SYMTAB[\"x\"]=1}' a.txt": "awk: SYMTAB",
    "awk 'BEGIN{for(;;);}' a.txt": "awk: a loop without a condition",
    "awk 'BEGIN{for (i=0; 1; i++) x}' a.txt": "awk: a loop without a condition",
    "awk 'BEGIN{do {} while(1)}' a.txt": "awk: do",
    "awk -f prog a.txt": "awk: option -f",
    "awk --file=prog a.txt": "awk: option --file",
    "gawk -i inplace 1 a.txt": "gawk: option -i",
    "awk '1'": "awk: reads standard input, and nothing is piped into it",
    "awk 1 -": "awk: reads standard input, and nothing is piped into it",
    # sed
    "sed": "sed: no script",
    "sed -n": "sed: no script",
    "sed p* a.txt": "sed: an unquoted pattern in the script",
    "sed -e p a.txt -n": "sed: an option after a file",
    "sed '1,w out' a.txt": "sed: an address after ','",
    "sed '\\wxwp' a.txt": "sed: an unusual delimiter",
    "sed 'swawbw' a.txt": "sed: an unusual delimiter",
    "sed 'ywawbw' a.txt": "sed: an unusual delimiter",
    "sed '\\' a.txt": "sed: an unusual delimiter",
    "sed s a.txt": "sed: an unusual delimiter",
    "sed 's/a/b' a.txt": "sed: an open expression",
    "sed 's/a\\' a.txt": "sed: an open expression",
    "sed 's/a\nw out\n/b/' a.txt": "sed: an open expression",
    "sed 's/[/]/;w out/' a.txt": "sed: a bracket expression with the delimiter in it",
    "sed 's/[[:alpha:/]]/x/' a.txt": "sed: a bracket expression with the delimiter in it",
    "sed 's/[\\]/]/;s,/w out,x,' a.txt": "sed: a backslash before ']' in a bracket expression",
    "sed 's/a/b/w out' a.txt": "sed: 'w' after a command",
    "sed 's/a/b/gw out' a.txt": "sed: 'w' after a command",
    "sed 's/a/b/ew' a.txt": "sed: 'e' after a command",
    "sed 'pw out' a.txt": "sed: 'w' after a command",
    "sed 5 a.txt": "sed: an address without a command",
    "sed '1{p;};w out' a.txt": "sed: command 'w'",
    "sed '{w out\n}' a.txt": "sed: command 'w'",
    "sed '1!W out' a.txt": "sed: command 'W'",
    "sed 'e touch out' a.txt": "sed: command 'e'",
    "sed '#n\nw out' a.txt": "sed: command '#'",
    "sed --expression='w out' a.txt": "sed: command 'w'",
    "sed --expression 'w out' a.txt": "sed: command 'w'",
    "sed -ne 'w out' a.txt": "sed: command 'w'",
    "sed -new\\ out a.txt": "sed: command 'w'",
    "sed -e p -ew\\ out a.txt": "sed: command 'w'",
    "sed -l 'w out' p a.txt": "sed: -l without a number",
    "sed --line-length=x p a.txt": "sed: -l without a number",
    "sed -nsi p a.txt": "sed: option -i",
    "sed -zi.bak p a.txt": "sed: option -i",
    "sed --in-place=x p a.txt": "sed: option --in-place",
    "sed p": "sed: reads standard input, and nothing is piped into it",
    # find
    "find . -delete": "find: -delete",
    "find . -fprintf out %p": "find: -fprintf",
    "find . -fls out": "find: -fls",
    "find . -fprint0 out": "find: -fprint0",
    "find . -execdir touch out ;": "';'",
    "find . -execdir touch out \\;": "find: -execdir",
    "find . -okdir touch out +": "find: -okdir",
    "find . -name": "find: -name without its value",
    "find . -name x -fprint out": "find: -fprint",
    "find . ! -delete": "find: -delete",
    "find . \\( -name x , -delete \\)": "find: -delete",
    "find -- . -delete": "find: --",
    "find -D exec . -delete": "find: -D",
    "find -f . -delete": "find: -f",
    "find . -nam* x": "find: a pattern in the expression; quote it",
    "find * -print": "find: a file's name could become an action; quote the pattern",
    "find . -name [-.]*": "find: a file's name could become an action; quote the pattern",
    "find . -name {.x,-delete}": "find: a file's name could become an action; quote the pattern",
    # options another parser reads otherwise
    "xxd -pc b.txt a.txt": "xxd: joined options",
    "xxd -bl b.txt a.txt": "xxd: joined options",
    "xxd -cols b.txt a.txt": "xxd: a value joined to -c",
    "xxd a.txt -p": "xxd: an option after an operand",
    "xxd a.txt b.txt": "xxd: more operands than it may have and still only read",
    "xxd -r a.txt b.txt": "xxd: option -r",
    "xxd -revert a.txt b.txt": "xxd: joined options",
    "uniq a.txt -c": "uniq: an option after an operand",
    "uniq -f 1 a.txt out": "uniq: more operands than it may have and still only read",
    "tree -Lo 2 out": "tree: a value joined to -L",
    "tree -PIo x y out": "tree: a value joined to -P",
    "tree -ao out": "tree: option -o",
    "sort -uoout a.txt": "sort: option -o",
    "sort --output=out a.txt": "sort: option --output",
    "sort --outpu=out a.txt": "sort: option --outpu",
    "sort -k 1 -T . a.txt -o a.txt": "sort: option -T",
    "sort ''{-oout,a.txt}": "sort: a file's name could become an option; begin the pattern with ./",
    "sort -{r,oout} a.txt": "sort: a pattern in an option",
    "sort --*=x a.txt": "sort: a pattern in an option",
    "sort -k* a.txt": "sort: a pattern in an option",
    "sort -k ? a.txt": "sort: a pattern as the value of -k",
    "sort -t -oout a.txt": "sort: the value of -t looks like an option",
    "sort -k": "sort: -k without its value",
    "rg --pre=sh x .": "rg: option --pre",
    "rg -e x --pre sh .": "rg: option --pre",
    "date -s 12:00": "date: '-s'",
    "date --s=12:00": "date: '--s=12:00'",
    "date 0101": "date: '0101'",
    "date +%s*": "date: a pattern",
    "git -c alias.x='!touch out' x": "git: option -c",
    "git --exec-path=. log": "git: option --exec-path=.",
    "git log --output=out": "git log: option --output",
    "git grep -O x": "git grep: option -O",
    "git -C": "git: option -C",
    "git x": "git x",
    "git shortlog": "git shortlog: reads standard input without a revision",
    "git tag -n new": "git tag: a name to create",
    "git stash show*": "git stash: only `list` and `show` read",
    "git worktree add x": "git worktree: only `list` reads",
    "grep -r x /": "grep: may read devices",
    # the shell's own
    "env -S 'touch out'": "env: option -S",
    "env touch out": "env: more operands than it may have and still only read",
    "command -p touch out": "command: runs another command",
    "timeout 5 ls": "'timeout' is not on the read-only list",
    "nohup ls": "'nohup' is not on the read-only list",
    "stdbuf -o0 ls": "'stdbuf' is not on the read-only list",
    "yes | head": "'yes' is not on the read-only list",
    "dd of=out": "'dd' is not on the read-only list",
    "tar cf out a.txt": "'tar' is not on the read-only list",
    "ln a.txt out": "'ln' is not on the read-only list",
    "cat a.txt | tee -a out": "'tee' is not on the read-only list",
    "\\touch out": "'touch' is not on the read-only list",
    "t''ouch out": "'touch' is not on the read-only list",
    "cat <<<x": "a redirection",
    "cat <(touch out)": "a redirection",
    "cat >(touch out)": "a redirection",
    "cat $'a.txt\\n'": "'$'",
    "cat a.txt\\\n-n": "a backslash at the end of a line",
    "cat a.txt\rtouch out": "a control character",
    "cat a.txt\0": "a control character",
    "cat\u00a0a.txt": "'\\xa0' outside quotes",
    "cat\u3000a.txt": "'\\u3000' outside quotes",
    "cat a.txt; touch out": "';'",
    "!touch": "'!' outside single quotes",
    "cat ~+/a.txt": "'~' that is not the home directory",
    "TZ=UTC :": "variables set for ':', which keeps them",
    "/usr/bin//bin/ls": "'/bin/ls' is not on the read-only list",
    # what never ends, or takes the agent's own input
    "seq inf": "seq: not a whole number of at most six digits",
    "seq 1 0.0000001 9": "seq: not a whole number of at most six digits",
    "seq 1 9999999": "seq: not a whole number of at most six digits",
    "tail +5f a.txt": "tail: an operand with '+'",
    "cmp a.txt": "cmp: reads standard input, and nothing is piped into it",
    "diff a.txt -": "diff: reads standard input, and nothing is piped into it",
    "rg x": "rg: reads standard input, and nothing is piped into it",
    "rg -e x": "rg: reads standard input, and nothing is piped into it",
    "rg x -": "rg: reads standard input, and nothing is piped into it",
    "file -": "file: reads standard input, and nothing is piped into it",
}  # fmt: skip

UNDERSTOOD = """
awk 'BEGIN {for (i=1; i<=3; i++) print i} {for (k in a) print k}' a.txt
awk '$1 > 3 || $2 {print $1}' a.txt
awk -F: -vx=1 '{print $x}' a.txt
sed -n '0~2p' a.txt
sed -n '2,+1p;5,~4p;$!N;1!{p;p}' a.txt
sed -n '/a/I,\\,b,p' a.txt
sed 's/[][^a]/x/;s/[^]a]/y/' a.txt
sed 's,[[:space:]x]*$,,;s#a\\#b#c#' a.txt
sed 's/[\\t ]/x/2gp' a.txt
sed -l 5 -n l a.txt
sed 'l 5;q 3' a.txt
find . -name '*.txt' -newer b.txt , -depth -print
find -L sub *.txt -type f
xxd -c 4 -l16 -p a.txt
tree -aL 2 sub
uniq -c a.txt
seq -w 1 -2 -9
seq 3
cmp a.txt b.txt
tail -n +5 a.txt
rg -e x sub
rg --files -g '*.txt'
cat a.txt | rg x
LC_ALL=C true
""".strip().split("\n")

# Each was once called read-only, and changes the folder where the tool reads its options so.
ATTACKS = ["xxd -pc b.txt a.txt", "xxd a.txt -p", "tree -Lo 2 out"]


@pytest.mark.parametrize(("command", "reason"), REFUSED.items())
def test_what_might_write_is_refused_for_its_reason(command: str, reason: str) -> None:
    """Another reason would mean that the rule meant for it was not reached."""
    assert why_not_read_only(command) == reason


@pytest.mark.parametrize("command", UNDERSTOOD)
def test_hard_looks_are_understood(command: str) -> None:
    """The rules above cost no honest look."""
    assert why_not_read_only(command) is None


def _fill(root: Path) -> None:
    (root / "sub").mkdir()
    for name, text in {"a.txt": "a\nb\nw out\n", "b.txt": "touch out\n", "sub/c.txt": "c\n"}.items():
        (root / name).write_text(text)


def _content(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        digest.update(f"{path.relative_to(root)}\0{path.lstat().st_mode}\0".encode())
        if path.is_file():
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(shell: str, command: str, root: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(root / "sub")}
    subprocess.run(
        [shell, "-c", command], cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_hard_looks_change_nothing_when_run(shell: str, tmp_path: Path) -> None:
    """Every understood one, and whichever refused one is understood after all, run for real."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    _fill(tmp_path)
    before = _content(tmp_path)
    for command in [*UNDERSTOOD, *filter(is_read_only, REFUSED)]:
        _run(shell, command, tmp_path)
        assert _content(tmp_path) == before, command


@pytest.mark.parametrize("command", ATTACKS)
def test_the_attacks_found_do_write(command: str, tmp_path: Path) -> None:
    """So that their refusal is no superstition."""
    if shutil.which(command.split()[0], path="/usr/bin:/bin") is None:
        pytest.skip(f"{command.split()[0]} is not installed")
    _fill(tmp_path)
    before = _content(tmp_path)
    _run("sh", command, tmp_path)
    assert _content(tmp_path) != before
    assert not is_read_only(command)
