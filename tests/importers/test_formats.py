"""What single formats may hold beyond the played run: older shapes, other instrumentations, things left out."""

from __future__ import annotations

import gzip
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from speculate.errors import MissingExtra, TraceError
from speculate.importers import IMPORTERS, import_file
from speculate.importers.documents import Item
from speculate.trace import (
    CallIssued,
    Record,
    RecordedSession,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
    group_sessions,
)

FIXTURES = Path(__file__).parent / "fixtures"


def convert(format: str, *values: Any, **fields: Any) -> list[Record]:
    """The records of these values; broken ones fail the test."""

    def refuse(problem: str, line: int | None) -> None:
        raise AssertionError(problem)

    items = [Item(number, value, 100, **fields) for number, value in enumerate(values, start=1)]
    return list(IMPORTERS[format].convert(items, "file", refuse))


def told(format: str, *values: Any) -> list[str]:
    problems: list[str] = []
    items = [Item(number, value, 100) for number, value in enumerate(values, start=1)]
    list(IMPORTERS[format].convert(items, "file", lambda problem, line: problems.append(f"{line}: {problem}")))
    return problems


def one(records: list[Record]) -> RecordedSession:
    (session,) = group_sessions(records)
    return session


def otlp(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    def value(inner: Any) -> dict[str, Any]:
        if isinstance(inner, bool):
            return {"boolValue": inner}
        if isinstance(inner, dict):
            return {"kvlistValue": {"values": [{"key": k, "value": value(v)} for k, v in inner.items()]}}
        if isinstance(inner, list):
            return {"arrayValue": {"values": [value(v) for v in inner]}}
        return {"intValue": str(inner)} if isinstance(inner, int) else {"stringValue": inner}

    pairs = [{"key": key, "value": value(inner)} for key, inner in attributes.items()]
    times = {"startTimeUnixNano": "1000000000", "endTimeUnixNano": "1500000000"}
    return {"traceId": "t", "spanId": "s", "name": "execute_tool get", "attributes": pairs, **times, **fields}


TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get"}


@pytest.mark.parametrize(
    ("attributes", "tool", "arguments", "result"),
    [
        ({**TOOL, "gen_ai.tool.call.arguments": {"a": [1, True]}, "gen_ai.tool.call.result": {"b": "c"}},
         "get", {"a": [1, True]}, {"b": "c"}),
        ({**TOOL, "tool_arguments": '{"a": 1}', "tool_response": "plain"}, "get", {"a": 1}, "plain"),
        ({**TOOL, "gcp.vertex.agent.tool_call_args": '{"a": 1}', "gcp.vertex.agent.tool_response": '{"torn'},
         "get", {"a": 1}, '{"torn'),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "look", "traceloop.entity.input": '{"a": 1}',
          "traceloop.entity.output": "[1]"}, "look", {"a": 1}, [1]),
        ({"mcp.method.name": "tools/call"}, "get", {"_raw": None}, None),
    ],
)  # fmt: skip
def test_otel_instrumentations_name_things_differently(
    attributes: dict[str, Any], tool: str, arguments: Any, result: Any
) -> None:
    session = one(convert("otel", otlp(attributes)))
    (call,) = session.calls
    answer = session.turns[0].results[call.id]
    assert (call.tool, call.args, answer.result) == (tool, arguments, result)
    assert answer.known == (result is not None)
    assert (answer.tool_s, answer.ok) == (0.5, True)


@pytest.mark.parametrize(
    ("attributes", "fields", "ok", "raised"),
    [
        ({"error.type": "Timeout"}, {}, False, "Timeout"),
        ({"error.type": "Timeout"}, {"status": {"code": 2, "message": "late"}}, False, "Timeout: late"),
        ({}, {"status": {"code": "STATUS_CODE_ERROR"}}, False, "Error"),
        ({"gen_ai.tool.call.result": "no such order"}, {"status": {"code": 2}}, False, None),
        ({}, {"events": [{"name": "log"}, {"name": "exception", "attributes": [
            {"key": "exception.type", "value": {"stringValue": "app.Shipped"}}]}]}, False, "Shipped: "),
    ],
)  # fmt: skip
def test_otel_errors_are_returned_or_raised(
    attributes: dict[str, Any], fields: dict[str, Any], ok: bool, raised: str | None
) -> None:
    """A recorded result with an error was returned; without one it was raised."""
    session = one(convert("otel", otlp({**TOOL, **attributes}, **fields)))
    (answer,) = session.turns[0].results.values()
    assert (answer.ok, answer.raised, answer.known) == (ok, raised, raised is None)


def test_otel_files_hold_spans_of_other_libraries_too(tmp_path: Path) -> None:
    """Hundreds of them before the first tool's; OpenInference's among the GenAI ones."""
    times = {"startTimeUnixNano": "2000000000", "endTimeUnixNano": "2500000000"}
    spans = [otlp({"http.method": "GET"}, spanId=f"h{number}", name="GET") for number in range(300)]
    spans.append(otlp(TOOL, spanId="a"))
    spans.append(otlp({"openinference.span.kind": "TOOL", "tool.name": "put"}, spanId="b", **times))
    path = tmp_path / "mixed.jsonl"
    lines = [json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n" for span in spans]
    path.write_text("".join(lines))
    assert [call.tool for call in one(list(import_file(path))).calls] == ["get", "put"]


def test_otel_messages_in_the_older_shape() -> None:
    """`content` instead of parts; what is no message is passed over."""
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": [{"role": "user", "content": "hi"}, "junk", {"role": "user"}],
        "gen_ai.output.messages": "not json",
    }
    session = one(convert("otel", otlp(chat)))
    assert [step.text for step in session.steps if isinstance(step, UserSaid)] == ["hi"]
    assert session.turns[0].record.text is None


def test_otel_spans_that_are_broken_or_none_are_told() -> None:
    assert told("otel", {"hello": 1}, {"traceId": "", "spanId": "s"}, otlp(TOOL)) == [
        "1: no OTLP span",
        '2: not an OTLP span: ValueError("a span\'s traceId and spanId must be texts")',
    ]
    assert told("openinference", {"hello": 1}, {"traceId": "t"})[0] == "1: no OTLP span"


def test_openinference_arguments_and_contents() -> None:
    """Parameters where no input was recorded, but never the tool's schema; messages of several parts."""
    kind = {"openinference.span.kind": "TOOL"}
    schema = json.dumps({"type": "object", "properties": {"a": {}}})
    for attributes, expected in (
        ({"tool.parameters": '{"a": 1}'}, {"a": 1}),
        ({"tool.parameters": schema}, {"_raw": None}),
        ({"input.value": "free text"}, {"_raw": "free text"}),
    ):
        (call,) = one(convert("openinference", otlp({**kind, **attributes}))).calls
        assert (call.args, call.tool) == (expected, "execute_tool get")
    failed = otlp({**kind, "output.value": "{torn", "output.mime_type": "application/json"}, status={"code": 2})
    (answer,) = one(convert("openinference", failed)).turns[0].results.values()
    assert (answer.ok, answer.raised, answer.result) == (False, None, "{torn")
    at = "llm.input_messages.0.message"
    parts = {
        "openinference.span.kind": "LLM", f"{at}.role": "user",
        f"{at}.contents.0.message_content.type": "text", f"{at}.contents.0.message_content.text": "one",
        f"{at}.contents.1.message_content.type": "image", f"{at}.contents.2.message_content.type": "text",
        f"{at}.contents.2.message_content.text": "two",
    }  # fmt: skip
    session = one(convert("openinference", otlp(parts)))
    assert [step.text for step in session.steps if isinstance(step, UserSaid)] == ["one\ntwo"]


def run(id: str, kind: str, **fields: Any) -> dict[str, Any]:
    times = {"start_time": "2025-01-01T00:00:00", "end_time": "2025-01-01T00:00:01Z"}
    return {"id": id, "name": id, "run_type": kind, "trace_id": "t", "parent_run_id": "root", **times, **fields}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"input": "{'a': 1, 'b': None}"}, {"a": 1, "b": None}),
        ({"input": '{"a": 1}'}, {"a": 1}),
        ({"input": "free text"}, {"input": "free text"}),
        ({"input": "{broken"}, {"_raw": "{broken"}),
        ({"input": "{1: 2}"}, {"_raw": "{1: 2}"}),
        ({"a": 1, "input": "x"}, {"a": 1, "input": "x"}),
    ],
)
def test_langsmith_arguments_of_older_tracers_are_python_text(inputs: Any, expected: Any) -> None:
    (call,) = one(convert("langsmith", run("get", "tool", inputs=inputs))).calls
    assert call.args == expected


def test_langsmith_runs_may_be_nested_and_plain() -> None:
    """`child_runs`; messages as pairs, as plain dumps, of several parts; errors without a traceback."""
    root = run(
        "root", "chain", parent_run_id=None, inputs={"input": "hi"}, extra={"metadata": {"thread_id": "talk"}},
        child_runs=[
            run("m", "llm", trace_id=None, extra={"metadata": {"ls_model_name": "gpt"}},
                inputs={"messages": [{"type": "human", "content": [{"type": "text", "text": "hi"}, "there"]}]},
                outputs={"message": {"content": "yes"}, "usage_metadata": {"input_tokens": 3, "output_tokens": -1}}),
            run("get", "tool", inputs={}, error="ValueError('x')", start_time="2025-01-01T00:00:02"),
            run("put", "tool", outputs={"output": "done"}, start_time="2025-01-01T00:00:03"),
            {"id": 7},
        ],
    )  # fmt: skip
    session = one(convert("langsmith", root))
    assert (session.id, session.start.model) == ("talk", "gpt")
    assert [step.text for step in session.steps if isinstance(step, UserSaid)] == ["hi"]
    turn = session.turns[0]
    assert (turn.record.text, turn.record.tokens_in, turn.record.tokens_out) == ("yes", 3, None)
    assert [(r.ok, r.raised, r.result) for r in turn.results.values()] == [
        (False, "ValueError('x')", None), (True, None, "done"),
    ]  # fmt: skip
    assert told("langsmith", {"id": 1}) == ["1: no LangSmith run: id, run_type and name expected"]


def test_openai_older_calls_custom_tools_and_parts() -> None:
    """Functions before tools; tools of free text; contents in parts; a refusal is what the model said."""
    session = one(convert(
        "openai",
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None, "function_call": {"name": "get", "arguments": "{}"}},
        {"role": "function", "name": "get", "content": "1"},
        {"role": "assistant", "refusal": "no", "tool_calls": [
            {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
            {"type": "function", "function": {"name": "put", "arguments": "{torn"}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "one"}]},
        {"role": "user", "content": []},
    ))  # fmt: skip
    assert [(c.id, c.tool, c.args) for c in session.calls] == [
        ("get", "get", {}), ("c", "sql", {"_raw": "select 1"}), ("put-1", "put", {"_raw": "{torn"}),
    ]  # fmt: skip
    assert session.turns[1].record.text == "no"
    assert session.turns[1].results["c"].result == "one"


def test_conversations_have_their_own_ids_or_the_files() -> None:
    talk = {"messages": [{"role": "user", "content": "hi"}]}
    records = convert("openai", {**talk, "id": "mine", "model": 7}, talk, talk, {"messages": []})
    assert [record.session for record in records if isinstance(record, SessionStarted)] == ["mine", "file", "file-2"]
    assert told("openai", {"role": "tool", "tool_call_id": "x"}, {"role": 7}, {"messages": ["x"]}) == [
        "1: a tool message lacks 'x', or answers a call that was not made",
        "2: no message: an object with a role expected",
        "3: no message: an object with a role expected",
    ]


def test_claude_code_lines_make_a_session_and_its_side_chain() -> None:
    """A message over several lines is one turn, timed from what it answers; side chains are sessions of their own."""
    records = list(import_file(FIXTURES / "claude_code.jsonl"))
    found = {session.id: session for session in group_sessions(records)}
    assert set(found) == {"S-1", "S-1/k1"}
    main = found["S-1"]
    assert main.start.model == "fake-model"
    turns = [(t.record.at, t.record.llm_s, t.record.tokens_in, t.record.tokens_out) for t in main.turns]
    assert turns == [(1.0, 3.0, 100, 10), (5.25, 1.0, 101, 10), (7.0, 1.0, 102, 10)]
    assert [[(c.tool, c.at) for c in t.calls] for t in main.turns] == [
        [("get_order", 3.5), ("get_order", 4.0)], [("cancel_order", 6.25)], [],
    ]  # fmt: skip
    assert [(r.tool_s, r.ok) for t in main.turns for r in t.results.values()] == [
        (0.75, True), (None, True), (None, False),
    ]  # fmt: skip
    users = [step.text for step in main.steps if isinstance(step, UserSaid)]
    assert users == ["Please cancel order O-1 and tell me about O-2.", "Wait, start over."]
    assert [c.tool for c in found["S-1/k1"].calls] == ["grep"]


def test_claude_code_as_the_program_writes_it() -> None:
    """A file of version 2.1.197, run against a scripted server (what it attaches of its own set-up left out)."""
    session = one(list(import_file(FIXTURES / "claude_code_real.jsonl")))
    assert [[(c.tool, c.args) for c in t.calls] for t in session.turns] == [
        [("Read", {"file_path": "/app/o1.json"}), ("Read", {"file_path": "/app/o2.json"})],
        [("Read", {"file_path": "/app/none.json"})],
        [],
    ]
    assert [r.ok for t in session.turns for r in t.results.values()] == [True, True, False]
    assert [t.record.text for t in session.turns] == ["I look at both orders.", None, "Done."]
    assert all(t.record.llm_s is not None for t in session.turns)


def line(kind: str, content: Any, **fields: Any) -> dict[str, Any]:
    message = {"role": kind, "content": content, **fields.pop("message", {})}
    return {"type": kind, "sessionId": "s", "uuid": fields.pop("uuid", str(content)), "message": message, **fields}


def test_claude_code_results_between_the_calls_of_one_message() -> None:
    """A first tool may be done before the message's second call is written: one turn all the same."""
    use = [{"type": "tool_use", "id": "a", "name": "x", "input": {}}], [{"type": "tool_use", "id": "b", "name": "y"}]
    result = [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]
    session = one(convert(
        "claude-code",
        line("assistant", use[0], message={"id": "m"}), line("user", result),
        line("assistant", use[1], message={"id": "m"}, uuid="u"), {"type": "progress"},
    ))  # fmt: skip
    assert [[c.tool for c in t.calls] for t in session.turns] == [["x", "y"]]
    assert session.start.at is None


def test_claude_code_agents_with_ids_and_what_is_broken() -> None:
    records = convert("claude-code", line("user", "hi", agentId="a7"))
    assert [type(r) for r in records][:2] == [SessionStarted, UserSaid]
    assert records[0].session == "s/a7"
    assert told("claude-code", 7, {**line("user", "x"), "sessionId": 7}, {**line("user", "y"), "message": None}) == [
        "1: no session line: an object with a type expected",
        "2: a broken user line: TypeError('sessionId is no text')",
        "3: a broken user line: AttributeError(\"'NoneType' object has no attribute 'get'\")",
    ]


SAMPLE: dict[str, Any] = {"id": "x", "epoch": 2}


def test_inspect_samples_without_events_have_their_messages() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": "get", "arguments": {"a": 1}}]},
        {"role": "tool", "tool_call_id": "c", "content": "no", "error": {"message": "bad"}},
        {"role": "assistant", "content": [{"type": "text", "text": "bye"}]},
    ]
    session = one(convert("inspect", {**SAMPLE, "messages": messages}, context={"eval": {"task": "T", "model": "M"}}))
    assert (session.id, session.start.model) == ("T/x/2", "M")
    (call,) = session.calls
    assert (call.tool, call.args, session.turns[0].results["c"].result) == ("get", {"a": 1}, "bad")
    assert told("inspect", {**SAMPLE, "messages": [7]})[0].startswith("1: a broken sample 'x'")


def test_inspect_tools_within_tools_attachments_and_pending_calls() -> None:
    events = [
        {"event": "span_begin", "id": "tool-span", "type": "tool", "name": "research", "parent_id": None},
        {"event": "tool", "uuid": "u1", "id": "c1", "function": "research", "arguments": {"q": "attachment://k"},
         "timestamp": "2025-01-01T00:00:00Z", "completed": "2025-01-01T00:00:09Z",
         "result": [{"type": "text", "text": "attachment://k"}], "working_time": 5.0},
        {"event": "tool", "uuid": "u2", "id": "c2", "function": "search", "span_id": "tool-span", "arguments": "x",
         "timestamp": "2025-01-01T00:00:01Z", "pending": True},
        "junk",
    ]  # fmt: skip
    records = convert("inspect", {**SAMPLE, "input": [{"role": "user", "content": "hi"}], "events": events,
                                  "attachments": {"k": "long text"}})  # fmt: skip
    found = {session.id: session for session in group_sessions(records)}
    assert set(found) == {"file/x/2", "file/x/2/c1"}
    outer = found["file/x/2"].turns[0]
    assert outer.calls[0].args == {"q": "long text"}
    assert (outer.results["c1"].result, outer.results["c1"].tool_s) == ("long text", 5.0)
    assert found["file/x/2/c1"].turns[0].results == {}


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in members.items():
            stream.writestr(name, content)
    return path


def test_inspect_archives_of_a_killed_evaluation(tmp_path: Path) -> None:
    """Deflated as older versions wrote them; no header but the journal's; a sample that is broken."""
    good = json.dumps({**SAMPLE, "messages": [{"role": "user", "content": "hi"}]}).encode()
    start = json.dumps({"eval": {"task": "T"}}).encode()
    path = archive(tmp_path / "a.eval", {"_journal/start.json": start, "samples/1.json": b"{", "samples/2.json": good})
    problems: list[TraceError] = []
    records = list(import_file(path, on_problem=problems.append))
    assert {record.session for record in records} == {"T/x/2"}
    assert "samples/1.json: not JSON" in str(problems[0])


def test_inspect_archives_that_are_damaged_or_need_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.eval").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TraceError, match="cannot be opened"):
        list(import_file(tmp_path / "a.eval"))
    content = bytearray((FIXTURES / "inspect.eval").read_bytes())
    with zipfile.ZipFile(FIXTURES / "inspect.eval") as stream:
        info = next(info for info in stream.infolist() if info.filename.startswith("samples/"))
    name_length = struct.unpack_from("<H", content, info.header_offset + 26)[0]
    content[info.header_offset + 30 + name_length] ^= 0xFF
    (tmp_path / "b.eval").write_bytes(content)
    problems: list[TraceError] = []
    assert list(import_file(tmp_path / "b.eval", on_problem=problems.append)) == []
    assert "damaged" in str(problems[0])
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match=r"speculate-runtime\[import\]"):
        list(import_file(FIXTURES / "inspect.eval"))


def rpc(id: int, **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, **fields}


def test_mcp_messages_bare_wrapped_and_in_logs() -> None:
    """Calls before the first answer are one turn; ids may come again; errors; a server that asks the client."""
    call = {"method": "tools/call", "params": {"name": "get"}}
    records = convert(
        "mcp",
        rpc(1, **call), {"ts": 1_700_000_000_500, "payload": rpc(2, **call)},
        {"time": "2023-11-14T22:13:21Z", "data": rpc(2, error={"code": -1, "message": "gone"})},
        rpc(1, result={"role": "assistant", "model": "m", "content": {}}),
        rpc(1, result={"content": [{"type": "image"}]}), rpc(1, **call), rpc(1, result={"content": []}),
        rpc(9, result={}), rpc(10, **call), rpc(10, result="odd"),
    )  # fmt: skip
    session = one(records)
    assert [[c.id for c in t.calls] for t in session.turns] == [["1", "2"], ["1~3"], ["10"]]
    first = session.turns[0].results
    assert (first["2"].raised, first["2"].tool_s, first["1"].result) == ("McpError: gone", 0.5, [{"type": "image"}])
    assert session.turns[2].results["10"].result == "odd"
    prefixed = Item(1, rpc(1, **call), 10, prefix="2025-06-01 10:00:00,250 INFO sent ")
    times = list(IMPORTERS["mcp"].convert([prefixed], "file", lambda problem, line: None))
    assert [r.at for r in times if isinstance(r, CallIssued)] == [0.0]
    assert told("mcp", {"x": 1}, rpc(1, method="tools/call")) == [
        "1: no JSON-RPC message",
        "2: a broken message: KeyError('params')",
    ]
    started = rpc(0, method="initialize")
    ids = [r.session for r in convert("mcp", started, started) if isinstance(r, SessionStarted)]
    assert ids == ["file", "file-2"]


def test_trace_v1_is_mended(tmp_path: Path) -> None:
    """Importing a trace keeps what can be read: the mend that the reader's error names."""
    good = b'{"session": "s", "type": "user", "text": "hi"}\n'
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(
        gzip.compress(good + b"{torn\n" + b'{"type": "torn"}\n' + good + b'{"session": "s", "type": "turn"}\n')
    )
    problems: list[TraceError] = []
    records = list(import_file(path, on_problem=problems.append))
    assert [type(record) for record in records] == [UserSaid, UserSaid]
    assert [problem.line for problem in problems] == [2, 5]
    assert not [r for r in records if isinstance(r, (TurnTaken, ResultArrived))]
