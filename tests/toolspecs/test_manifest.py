"""The manifest's loader: every field does what it says, and what is wrong is named with its mend."""

# ruff: noqa: E501  # a table of texts and messages reads best one row a line

from __future__ import annotations

import json

import pytest

from speculate.errors import ManifestError
from speculate.spec import Effect, EffectRule, ToolSpec
from toolspecs import Manifest, ManifestProblems
from toolspecs.toml_writer import value

SHOP = """
manifest = 1
name = "shop"

[defaults]
ttl_s = 30
timeout_s = 5.0
max_concurrency = 3
cost = 2.0
egress = "external"

[tools.get_order]
effect = "read"
reads = ["order/{order_id}"]

[tools.get_order.arguments.order_id]
normalize = "strip"

[tools.get_order.arguments.reason]
ignore = true

[tools.get_order.arguments.page]
default = 1

[tools.get_order.arguments.token]
sensitive = true

[tools.pop_queue]
effect = "read"
idempotent = false

[tools.clock]
effect = "read"
reads = []
speculate = false
untrusted = true
ttl_s = 0.0
timeout_s = 1.5
max_concurrency = 1
cost = 0.0
egress = "none"

[tools.cancel_order]
effect = "write"
idempotent = true
writes = ["order/{order_id}", "user/*"]
dedup_key = "{order_id}"
confirm = true
compensate = "reopen_order"

[tools.reopen_order]
effect = "abortable"

[tools.request]
effect = "write"

[[tools.request.when]]
argument = "method"
one_of = ["GET", "HEAD"]
effect = "read"
reads = ["web"]

[[tools.request.when]]
argument = "dry"
equals = true
effect = "read"
idempotent = false

[[tools.request.when]]
argument = "command"
shell_readonly = true
effect = "read"

[[tools.request.when]]
argument = "sql"
sql_readonly = true
effect = "abortable"
reads = ["a"]
writes = ["b"]
"""


def load(text: str) -> Manifest:
    return Manifest.loads(text, "shop.toml")


def problem(text: str, **kwargs: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        Manifest.loads(text, "bad.toml", **kwargs)
    return caught.value


def test_defaults_fill_what_a_tool_leaves_out():
    """[defaults] limits launches; a real call is limited only by the tool's own entry."""
    shop = load(SHOP)
    order, clock = shop["get_order"], shop["clock"]
    assert (order.ttl_s, order.timeout_s, order.max_concurrency, order.cost, order.egress) == (30, 5, 3, 2, "external")
    assert (order.real_timeout_s, order.real_max_concurrency) == (None, None)
    assert (clock.ttl_s, clock.timeout_s, clock.max_concurrency, clock.cost, clock.egress) == (0, 1.5, 1, 0, "none")
    assert (clock.real_timeout_s, clock.real_max_concurrency) == (1.5, 1)
    plain = load("manifest = 1\n[tools.x]\neffect = 'read'")["x"]
    assert (plain.ttl_s, plain.timeout_s, plain.max_concurrency, plain.cost, plain.egress) == (60, 30, 8, 1, "internal")


def test_left_out_resources_are_everything():
    """A read that says nothing reads everything; a write that says nothing writes everything; [] is pure."""
    shop = load(SHOP)
    assert shop["pop_queue"].resolve({}).claims.reads == ("*",)
    assert shop["pop_queue"].resolve({}).claims.writes == ("*",), "what is popped is gone: it changes what it reads"
    assert shop["get_order"].resolve({}).claims.writes == ()
    assert shop["reopen_order"].resolve({}).claims.writes == ("*",)
    assert shop["clock"].resolve({}).claims.reads == ()
    assert shop["cancel_order"].resolve({"order_id": "a/b"}).claims.writes == ("order/a%2Fb", "user/*")
    assert shop["cancel_order"].resolve({}).claims.writes == ("order/*", "user/*")


def test_effects_and_vetoes_decide_what_may_be_launched():
    """The table of the reference: reads that are idempotent, and abortable tools; never a write."""
    shop = load(SHOP)
    why = {name: spec.resolve({"order_id": "1"}).why_not for name, spec in shop.items()}
    assert why == {
        "get_order": None, "pop_queue": "not-idempotent", "clock": "veto", "cancel_order": "write",
        "reopen_order": None, "request": "write",
    }  # fmt: skip
    assert shop["cancel_order"].resolve({"order_id": "1"}).idempotent
    assert not shop["reopen_order"].resolve({}).idempotent
    assert (shop["cancel_order"].confirm, shop["cancel_order"].compensate) == (True, "reopen_order")
    assert shop["clock"].untrusted


def test_arguments_count_as_declared():
    """Normalised, ignored, filled in; sensitive ones are known."""
    order = load(SHOP)["get_order"]
    assert order.key({"order_id": " 7", "reason": "x"}) == order.key({"order_id": "7", "page": 1})
    assert order.key({"order_id": "7", "page": 1}) != order.key({"order_id": "7", "page": 1.0})
    assert order.sensitive_arguments() == {"token"}


def test_the_first_rule_that_matches_decides():
    """`when`: by value, by shell command, by statement; in the file's order."""
    request = load(SHOP)["request"]
    get = request.resolve({"method": "GET"})
    assert (get.effect, get.claims.reads, get.speculable) == (Effect.READ, ("web",), True)
    assert request.resolve({"method": "get"}).effect is Effect.WRITE
    assert request.resolve({"dry": True}).why_not == "not-idempotent"
    assert request.resolve({"dry": 1}).effect is Effect.WRITE
    assert request.resolve({"command": "ls"}).claims.reads == ("*",)
    assert request.resolve({"command": "rm x"}).effect is Effect.WRITE
    assert request.resolve({"sql": "SELECT 1"}).claims.writes == ("b",)
    assert request.resolve({"method": "POST", "command": "ls"}).effect is Effect.READ


def test_a_rule_of_the_same_effect_keeps_the_entry_s_repeatability():
    """An entry whose reads are not repeatable means the reads of its rules, too."""
    text = """
    manifest = 1
    [tools.x]
    effect = "read"
    idempotent = false
    [[tools.x.when]]
    argument = "a"
    equals = 1
    effect = "read"
    reads = ["a"]
    """
    assert load(text)["x"].resolve({"a": 1}).why_not == "not-idempotent"


def test_a_manifest_is_a_mapping():
    """What the runtime asks for; an undeclared tool is a write of everything."""
    shop = load(SHOP)
    assert len(shop) == 6
    assert "get_order" in shop
    assert "nothing" not in shop
    assert repr(shop) == "<Manifest 'shop': 3 read, 1 abortable, 2 write>"
    unknown = shop.spec("nothing").resolve({})
    assert (unknown.why_not, unknown.claims.writes) == ("undeclared", ("*",))
    assert shop.spec("clock") is shop["clock"]
    with pytest.raises(KeyError):
        shop["nothing"]


def test_manifests_join_and_take_prefixes():
    """The right side's entry holds; a prefix reaches the tool that undoes another."""
    mine = load("manifest = 1\n[tools.clock]\neffect = 'write'")
    both = load(SHOP) | mine
    assert (len(both), both["clock"].effect, both.name) == (6, Effect.WRITE, "shop")
    prefixed = load(SHOP).prefixed("s__")
    assert prefixed["s__cancel_order"].compensate == "s__reopen_order"
    assert prefixed["s__cancel_order"].name == "s__cancel_order"
    with pytest.raises(TypeError):
        load(SHOP) | 3


def test_what_is_written_reads_back_the_same(tmp_path):
    """TOML and JSON, through files: the same specs, rules included."""
    shop = load(SHOP)
    for name in ("out.toml", "out.json"):
        shop.dump(tmp_path / name)
        again = Manifest.load(tmp_path / name)
        assert dict(again) == dict(shop)
        assert again.name == "shop"


def test_strange_names_are_quoted():
    """Dots, quotes, blanks and controls in names and texts survive the writer."""
    document = {
        "manifest": 1,
        "name": 'a "b"\n\x7f\x01é',
        "tools": {"web.open": {"effect": "read", "arguments": {"a b": {"default": {"x": [1, 2.0, True, 1e30, "q"]}}}}},
    }
    manifest = Manifest.from_dict(document)
    again = Manifest.loads(manifest.to_toml(), "x")
    assert (again.name, dict(again)) == (manifest.name, dict(manifest))


def test_what_cannot_be_written_says_so():
    """Python conditions, null, and limits that one file cannot say."""
    rule = EffectRule(matches=lambda arguments: True, effect=Effect.READ)
    with pytest.raises(ManifestError, match="Python function"):
        Manifest([ToolSpec("x", when=(rule,))]).to_dict()
    with pytest.raises(ManifestError, match="different default limits"):
        (load(SHOP) | load("manifest = 1\n[tools.y]\neffect = 'read'")).to_dict()
    with pytest.raises(ValueError, match="no null"):
        value(None)
    with pytest.raises(ValueError, match="no TOML value"):
        value(object())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "field 'manifest': is missing; begin the file with manifest = 1"),
        ("manifest = 2", "bad.toml:1, field 'manifest': this release reads version 1, the file says 2"),
        ("manifest = '1'", "must be 1, not '1'"),
        ("manifest = true", "must be 1, not True"),
        ("manifest = 1\nnmae = 'x'", "bad.toml:2, field 'nmae': unknown field; did you mean 'name'?"),
        ("manifest = 1\n[defaults]\nttl = 1", "bad.toml:3, field 'defaults.ttl': unknown field; did you mean 'ttl_s'?"),
        ("manifest = 1\n[defaults]\nconfirm = true", "a [defaults] table may say ttl_s, timeout_s"),
        ("manifest = 1\n[tools.x]\neffect = 'raed'", "bad.toml:3, tool 'x', field 'effect': must be 'read', 'write' or"),
        ("manifest = 1\n[tools.x]\neffect = 'raed'", "did you mean 'read'?"),
        ("manifest = 1\n[tools.x]\neffect = 3", "field 'effect': must be 'read', 'write' or 'abortable', not 3"),
        ("manifest = 1\n[tools.x]\neffct = 'read'", "did you mean 'effect'?"),
        ("manifest = 1\n[tools.x]\nzzz = 1", "unknown field; it may say effect"),
        ("manifest = 1\n[tools.x.y]\neffect = 'read'", """quote it: [tools."x.y"]"""),
        ("manifest = 1\n[tools.x]\nreads = 'a'", """must be a list, as in ["a"], not a string"""),
        ("manifest = 1\n[tools.x]\nreads = 3", "must be a list, not 3"),
        ("manifest = 1\n[tools.x]\nreads = [3]", "field 'reads[0]': must be a string, not 3"),
        ("manifest = 1\n[tools.x]\nreads = ['a/{b']", "'a/{b': unbalanced braces"),
        ("manifest = 1\n[tools.x]\nwrites = ['a*b']", "may stand only at the end"),
        ("manifest = 1\n[tools.x]\nwrites = ['']", "must not be empty"),
        ("manifest = 1\n[tools.x]\nttl_s = '5'", "field 'ttl_s': must be a number, not \"5\""),
        ("manifest = 1\n[tools.x]\nttl_s = -1", "greater than or equal to 0, not -1"),
        ("manifest = 1\n[tools.x]\nttl_s = nan", "must be a finite number"),
        ("manifest = 1\n[tools.x]\ntimeout_s = 0", "greater than 0, not 0"),
        ("manifest = 1\n[tools.x]\nmax_concurrency = 0", "greater than or equal to 1"),
        ("manifest = 1\n[tools.x]\nmax_concurrency = 1.5", "must be a whole number, not 1.5"),
        ("manifest = 1\n[tools.x]\nspeculate = 1", "must be true or false, not 1"),
        ("manifest = 1\n[tools.x]\ndedup_key = 'k'", "name at least one argument"),
        ("manifest = 1\n[tools.x]\ndedup_key = '{k'", "unbalanced braces"),
        ("manifest = 1\n[tools.x]\ncompensate = 'y'", "'y' is not declared"),
        ("manifest = 1\n[tools.x]\ncompensate = 'y'\n[tools.y]\neffect='read'", "is a read and can undo nothing"),
        ("manifest = 1\n[tools.x]\neffect='read'\nwrites=['a']", "bad.toml:4, tool 'x', field 'writes': a read writes"),
        ("manifest = 1\n[tools.x]\neffect='read'\nconfirm=true", "only writes are confirmed"),
        ("manifest = 1\n[tools.x]\neffect='read'\ndedup_key='{a}'", "only writes are de-duplicated"),
        ("manifest = 1\n[tools.x]\neffect='read'\ncompensate='x'", "only writes can be undone"),
        ("manifest = 1\n[tools.x]\nreads=['{a}']\n[tools.x.arguments.a]\nignore=true", "names an argument that is ignored"),
        ("manifest = 1\n[tools.x.arguments.a]\nignore=true\ndefault=1", "has no effect on an argument that is ignored"),
        ("manifest = 1\n[tools.x.arguments.a]\nnormalize='lower'", "field 'arguments.a.normalize': must be 'strip'"),
        ("manifest = 1\n[tools.x.arguments.a]\nnormalise='strip'", "did you mean 'normalize'?"),
        ("manifest = 1\n[tools.x.arguments.a]\ndefault=2020-01-01", "must be a JSON value"),
        ("manifest = 1\n[tools.x.arguments]\na=1", "must be a table, not 1"),
        ("manifest = 1\n[tools.x.when]\nargument='a'", "two brackets"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'", "needs exactly one of shell_readonly"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nequals=1\none_of=[1]", "equals and one_of are given"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\nequals=1", "bad.toml:2, tool 'x', field 'when[0].effect': is missing"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nequals=2020-01-01", "must be a JSON value"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nshell_readonly=false", "can only be true, not false"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nequals=1\nwrites=['a']", "field 'when[0].writes': a read"),
        ("manifest = 1\n[[tools.x.when]]\nargument='a'\neffekt='read'\nequals=1", "did you mean 'effect'?"),
        (
            "manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nshell_readonly=true\n[tools.x.arguments.a]\nnormalize='casefold'",
            "bad.toml:7, tool 'x', field 'arguments.a.normalize'",
        ),
        (
            "manifest = 1\n[[tools.x.when]]\nargument='a'\neffect='read'\nequals=1\n[tools.x.arguments.a]\nignore=true",
            "is ignored (ignore = true) and can decide nothing",
        ),
        ("manifest = 1\n[tools.'']\neffect='read'", "a tool needs a name"),
        ("manifest = 1\n[tools.x", "not valid TOML"),
        ("manifest = 1\nname = 'a'\nname = 'b'", "not valid TOML: Cannot overwrite a value"),
        ("manifest = 1\nname = ]", "not valid TOML: Invalid value (at line 2, column 8)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_mend(text, says):
    """File, line, tool, field, what is wrong, and what to do."""
    error = problem(text)
    assert says in str(error)
    assert error.file == "bad.toml"


def test_all_problems_of_a_file_come_together():
    """One run of the loader, one list to work through."""
    error = problem("manifest = 1\n[tools.x]\neffect = 'raed'\nttl = 3\n[tools.y]\nspeculate = 'no'")
    assert isinstance(error, ManifestProblems)
    assert [(p.tool, p.field, p.line) for p in error.problems] == [
        ("x", "effect", 3), ("x", "ttl", 4), ("y", "speculate", 6),
    ]  # fmt: skip
    assert str(error).startswith("3 problems in bad.toml:\n  bad.toml:3, tool 'x'")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "bad.toml:1: not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"manifest": 1, "tools": {"x": {}, "x": {}}}', "the key 'x' stands twice"),
        ('{"manifest": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"manifest": 1, "tools": []}', "field 'tools': must be a table"),
    ],
)
def test_json_is_read_as_strictly(text, says):
    """A key that stands twice would silently replace a tool's effect."""
    assert says in str(problem(text, format="json"))


def test_files_that_cannot_be_read_are_named(tmp_path):
    """No traceback for a missing file, a folder, or bytes that are no text."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfmanifest = 1\n")
    for name, says in (("none.toml", "no such file"), ("bytes.toml", "not UTF-8"), (".", "cannot be read")):
        with pytest.raises(ManifestError, match=says):
            Manifest.load(tmp_path / name)
    assert Manifest.load(tmp_path / "bom.toml").name == "bom"
    (tmp_path / "shop.json").write_text(json.dumps({"manifest": 1, "tools": {"x": {"effect": "read"}}}))
    assert Manifest.load(str(tmp_path / "shop.json"))["x"].effect is Effect.READ
    with pytest.raises(ManifestError, match="nested too deep"):
        Manifest.loads("a = " + "[" * 50_000)
