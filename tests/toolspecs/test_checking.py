"""`speculate check`: what a manifest misses, what looks wrong, what would be started early."""

from __future__ import annotations

import json

import pytest

from speculate.cli import main
from speculate.errors import ManifestError
from speculate.spec import Effect, EffectRule, ToolSpec
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, ResultArrived, SessionStarted, TurnTaken
from toolspecs import Manifest
from toolspecs.checking import Severity, check

TEXT = """
manifest = 1
name = "shop"

[tools.get_order]
effect = "read"
reads = ["order/{order_id}"]

[tools.get_order.arguments.colour]
normalize = "strip"

[tools.get_order.arguments.page]
default = 1

[tools.pop]
effect = "read"
idempotent = false
reads = ["queue"]

[tools.pay]
effect = "write"
writes = ["order/{order}"]

[tools.bash]
effect = "write"

[[tools.bash.when]]
argument = "command"
shell_readonly = true
effect = "read"

[[tools.bash.when]]
argument = "dry"
equals = true
effect = "read"

[tools.never]
effect = "read"
"""


def session(*calls: tuple[str, dict[str, object], object]) -> RecordedSession:
    """A run of one call a turn; a result of ... was not recorded."""
    steps = []
    for number, (tool, arguments, result) in enumerate(calls):
        turn = RecordedTurn(TurnTaken("s", number))
        turn.calls.append(CallIssued("s", number, f"c{number}", tool, arguments))
        if result is not ...:
            turn.results[f"c{number}"] = ResultArrived("s", f"c{number}", result=result)
        steps.append(turn)
    return RecordedSession(SessionStarted("s"), steps)


def findings(*calls: tuple[str, dict[str, object], object]) -> dict[tuple[str, str], str]:
    report = check(Manifest.loads(TEXT), [session(*calls)])
    return {(finding.kind, finding.tool): finding.says for finding in report.findings}


def test_uses_are_counted_with_their_reasons():
    """Per tool: calls, the share that may start early, and why the rest may not."""
    report = check(
        Manifest.loads(TEXT),
        [
            session(
                ("get_order", {"order_id": "1"}, 1), ("get_order", {"_raw": "x"}, 1), ("bash", {"command": "ls"}, 1),
                ("bash", {"command": "ls > x"}, 1), ("bash", {"command": "make"}, 1), ("pop", {}, 1), ("new", {}, 1),
            )
        ],
    )  # fmt: skip
    uses = {use.tool: use for use in report.uses}
    assert (uses["get_order"].calls, uses["get_order"].speculable) == (2, 1)
    assert uses["get_order"].why_not == {"not-json": 1}
    assert (uses["bash"].speculable, uses["bash"].why_not) == (1, {"write": 2})
    assert uses["bash"].details == {"a redirection": 1, "'make' is not on the read-only list": 1}
    assert uses["pop"].why_not == {"not-idempotent": 1}
    assert uses["new"].why_not == {"undeclared": 1}
    assert uses["pop"].effect == "read (not repeatable)"
    document = report.to_json()
    assert (document["calls"], document["speculable_calls"], document["sessions"]) == (7, 2, 1)
    json.dumps(document)


def test_undeclared_and_unseen_tools_are_named():
    """One is a problem (nothing of it starts early, and it invalidates everything), the other a note."""
    report = check(Manifest.loads(TEXT), [session(("new", {}, 1), ("new", {}, 1))])
    by_kind = {(finding.kind, finding.tool): finding.severity for finding in report.findings}
    assert by_kind["undeclared", "new"] is Severity.PROBLEM
    assert by_kind["unseen", "never"] is Severity.NOTE
    assert [problem.tool for problem in report.problems] == ["new"]


def test_without_runs_nothing_is_called_unseen():
    """No evidence, no findings."""
    assert check(Manifest.loads(TEXT)).findings == ()


def test_a_read_that_answers_otherwise_is_suspected():
    """The same call, another answer, and nothing that was declared to change it."""
    look = ("get_order", {"order_id": "1"})
    assert ("unstable-read", "get_order") in findings((*look, 1), (*look, 2))
    assert ("unstable-read", "get_order") not in findings((*look, 1), (*look, 1))
    assert ("unstable-read", "get_order") not in findings((*look, 1), ("pay", {"order": "1"}, 0), (*look, 2))
    assert ("unstable-read", "get_order") not in findings((*look, 1), ("new", {}, 0), (*look, 2))
    assert ("unstable-read", "get_order") in findings((*look, 1), ("pay", {"order": "2"}, 0), (*look, 2))
    assert ("unstable-read", "get_order") in findings((*look, 1), ("pop", {}, 0), (*look, 2))
    assert ("unstable-read", "get_order") not in findings((*look, 1), (*look, ...))
    assert ("unstable-read", "pop") not in findings(("pop", {}, 1), ("pop", {}, 2))


def test_names_that_no_call_has_are_suspected():
    """A declared argument never given, a template's argument always missing: probably a wrong name."""
    report = check(Manifest.loads(TEXT), [session(("get_order", {"id": "1"}, 1), ("pay", {"order": "1"}, 1))])
    seen = {(finding.kind, finding.field): finding.severity for finding in report.findings}
    assert seen["template-argument", "reads"] is Severity.PROBLEM
    assert seen["unseen-argument", "arguments.colour"] is Severity.PROBLEM
    assert seen["unseen-argument", "arguments.page"] is Severity.NOTE
    partly = check(Manifest.loads(TEXT), [session(("get_order", {"order_id": "1"}, 1), ("get_order", {}, 1))])
    assert {f.severity for f in partly.findings if f.kind == "template-argument"} == {Severity.NOTE}


def test_repeated_writes_and_idle_rules_are_noted():
    """A dedup_key would hold the repeats back; a rule that never matched may ask the wrong argument."""
    pay = ("pay", {"order": "1"}, 0)
    assert "1 identical calls" in findings(pay, pay)["repeated-write", "pay"]
    assert ("repeated-write", "pay") not in findings(pay, ("pay", {"order": "2"}, 0))
    assert ("repeated-write", "bash") not in findings(
        ("bash", {"command": "make"}, 0), ("bash", {"command": "make"}, 0)
    )
    assert "dry is True" in findings(("bash", {"command": "ls"}, 0))["unmatched-when", "bash"]


def test_dedup_keys_and_rules_of_one_s_own_are_checked_too():
    """Templates of the key count; a rule in code has no description to print."""
    specs = [
        ToolSpec("a", dedup_key="{key}"),
        ToolSpec("b", when=(EffectRule(matches=lambda given: "x" in given, effect=Effect.READ, reads=("r/{x}",)),)),
    ]
    report = check(Manifest(specs), [session(("a", {}, 1), ("b", {"x": None}, 1), ("b", {}, 1))])
    fields = {(finding.tool, finding.field) for finding in report.findings}
    assert {("a", "dedup_key"), ("b", "when[0].reads")} <= fields
    assert report.uses[1].effect == "write; read if its rule matches"


@pytest.fixture
def files(tmp_path):
    """A manifest and a small trace."""
    manifest, trace = tmp_path / "shop.toml", tmp_path / "runs.jsonl"
    manifest.write_text(TEXT)
    lines = [
        {"v": 1, "session": "s1", "type": "session", "at": 0.0},
        {"session": "s1", "type": "turn", "turn": 0, "at": 0.0},
        {
            "session": "s1",
            "type": "call",
            "turn": 0,
            "id": "c1",
            "tool": "get_order",
            "args": {"order_id": "1"},
            "at": 1.0,
        },
        {"session": "s1", "type": "result", "id": "c1", "at": 1.5, "ok": True, "result": {"a": 1}},
        {"session": "s1", "type": "call", "turn": 0, "id": "c2", "tool": "new[x]", "args": {}, "at": 1.0},
        {"session": "s1", "type": "end", "at": 9.0},
    ]
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return manifest, trace


def test_the_command_prints_a_table_and_fails_only_where_asked(files, capsys):
    """Exit 0 without --strict; 1 with it where a problem was found; lines fit 100 columns."""
    manifest, trace = files
    assert main(["check", str(manifest), "--against", str(trace)]) == 0
    out = capsys.readouterr().out
    assert "1 of 2 calls (50%)" in out
    assert "new[x]: called 1 times and not declared" in out
    assert max(map(len, out.splitlines())) <= 100
    assert main(["check", str(manifest), "--against", str(trace), "--strict"]) == 1
    assert main(["check", str(manifest), "--strict"]) == 0
    assert "no problem found" in capsys.readouterr().out


def test_the_command_writes_json(files, capsys):
    """`--json` alone owns standard output."""
    manifest, trace = files
    assert main(["check", str(manifest), "--against", str(trace), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "shop"
    assert {tool["tool"] for tool in document["tools"]} >= {"get_order", "new[x]"}


def test_a_ready_manifest_can_be_checked_by_name(capsys):
    """`ready:NAME` stands for a file."""
    assert main(["check", "ready:mcp-git"]) == 0
    assert "git_log" in capsys.readouterr().out
    assert main(["check", "ready:nothing"]) == 2
    assert main(["check", "missing.toml"]) == 2
    assert "missing.toml: no such file" in capsys.readouterr().err


def test_arguments_that_are_no_json_leave_no_rule_to_ask():
    """An entry that is a read with a rule for writes: where the rule cannot be asked, the worst is assumed."""
    text = 'manifest = 1\n[tools.x]\neffect = "read"\n[[tools.x.when]]\nargument = "a"\nequals = 1\neffect = "write"'
    call = Manifest.loads(text)["x"].resolve({"a": object()})
    assert (call.effect, call.claims.writes, call.speculable) == (Effect.WRITE, ("*",), False)
    with pytest.raises(ManifestError):
        Manifest.loads("manifest = 3")


def test_an_entry_without_an_effect_is_noted(tmp_path, capsys):
    """It silently counts as a write; the note is no problem, and follows the entry where manifests are joined."""
    text = 'manifest = 1\n[tools.quiet]\nreads = ["x"]\n[tools.said]\neffect = "write"\n'
    (tmp_path / "m.toml").write_text(text)
    assert main(["check", str(tmp_path / "m.toml"), "--strict"]) == 0
    assert "note: quiet.effect: no effect is given, so it is a write" in capsys.readouterr().out
    manifest = Manifest.loads(text)
    (finding,) = check(manifest).findings
    assert (finding.severity, finding.kind, finding.tool) == (Severity.NOTE, "no-effect", "quiet")
    assert manifest.prefixed("a_").without_effect == {"a_quiet"}
    said = Manifest.loads('manifest = 1\n[tools.quiet]\neffect = "read"\n')
    assert (manifest | said).without_effect == frozenset()
    assert (said | manifest).without_effect == {"quiet"}
    assert (manifest | dict(said)).without_effect == frozenset()
    assert Manifest.from_dict(manifest.to_dict()).without_effect == frozenset()  # written out, it is said
