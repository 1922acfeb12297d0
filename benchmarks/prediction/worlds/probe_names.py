"""Cold starts: no recorded run, only what a manifest says tools are called and take. Is the argument found by name?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from predictors import PatternPredictor
from speculate.history import CallMade, Event, History, ResultSeen, UserText, snapshot
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.training.scoring import PREDICTIONS


@dataclass(frozen=True, slots=True)
class Case:
    """`first` returned `result` (None: nothing was called, the user said `text`), `second` takes `wanted`."""

    says: str
    wanted: Mapping[str, Any]
    result: Any = None
    first: str = "find"
    second: str = "look"
    text: str = "please look"

    def specs(self) -> dict[str, ToolSpec]:
        """Both tools only read."""
        arguments = {name: ArgumentSpec() for name in self.wanted}
        return {
            self.first: ToolSpec(self.first, effect=Effect.READ, reads=("*",)),
            self.second: ToolSpec(self.second, effect=Effect.READ, reads=("*",), arguments=arguments),
        }

    def events(self) -> list[Event]:
        events: list[Event] = [UserText(self.text)]
        if self.result is not None:
            events += [CallMade("c1", 0, self.first, {}), ResultSeen("c1", self.first, True, snapshot(self.result))]
        return events


FILES = {"files": [{"id": "f-981"}, {"id": "f-777"}]}
CASES: Sequence[Case] = (
    Case("file_id from a field file_id", {"file_id": "f-981"}, {"files": [{"file_id": "f-981"}]}),
    Case("file_id from files[].id", {"file_id": "f-981"}, FILES),
    Case("fileId from files[].id", {"fileId": "f-981"}, FILES),
    Case("fileId from a field fileId", {"fileId": "f-981"}, {"files": [{"fileId": "f-981"}]}),
    Case("fileId from a field file_id", {"fileId": "f-981"}, {"files": [{"file_id": "f-981"}]}),
    Case("file_id from a field fileId", {"file_id": "f-981"}, {"files": [{"fileId": "f-981"}]}),
    Case("file-id from a field file_id", {"file-id": "f-981"}, {"files": [{"file_id": "f-981"}]}),
    Case("issueKey from issues[].key", {"issueKey": "OPS-12"}, {"issues": [{"id": "77", "key": "OPS-12"}]}),
    Case("get_file(id) from files[].id", {"id": "f-981"}, FILES, second="get_file"),
    Case("get_file(file_id) from list_files: [].id", {"file_id": "f-981"}, FILES["files"], "list_files", "get_file"),
    Case("channel from channels[].id", {"channel": "C0-981"}, {"channels": [{"id": "C0-981"}]}),
    Case("customer from list_customers: data[].id", {"customer": "c_1"}, {"data": [{"id": "c_1"}]}, "list_customers"),
    Case("pull_number from list_pulls: [].number", {"pull_number": 77}, [{"number": 77}], "list_pulls", "get_pull"),
    Case("owner_id from owner.id", {"owner_id": "o-981"}, {"owner": {"id": "o-981"}}),
    Case("ownerId from owner.id", {"ownerId": "o-981"}, {"owner": {"id": "o-981"}}),
    Case(
        "file_id from files[].id, JSON in a block", {"file_id": "f-981"}, [{"type": "text", "text": json.dumps(FILES)}]
    ),
    Case("url from results[].url", {"url": "https://a.example/x"}, {"results": [{"url": "https://a.example/x"}]}),
    Case("url from a text's address", {"url": "https://a.example/x"}, "1. Title\nURL: https://a.example/x\nwords"),
    Case("path from `path:line:`", {"path": "src/a/b.py"}, "src/a/b.py:12: x = 1\nsrc/c.py:3: y = 2"),
    Case(
        "contract_number from a table's column",
        {"contract_number": "VK-981"},
        "| Contract number | Kind |\n|---|---|\n| VK-981 | gas |",
    ),
    Case(
        "issueId from lines `Issue ID: …`", {"issueId": "AB-1"}, "Issue ID: AB-1\nTitle: x\n\nIssue ID: AB-2\nTitle: y"
    ),
    Case(
        "message_id from lines `ID: …`", {"message_id": "ab1"}, "ID: ab1\nFrom: x\n\nID: ab2\nFrom: y", "list_messages"
    ),
    Case(
        "channel_id from `<channel id=…>`", {"channel_id": "C1"}, '<channel id="C1"/>\n<channel id="C2"/>', "channels"
    ),
    Case("ref from `[ref=…]`", {"ref": "e5"}, '- link "A" [ref=e5]\n- link "B" [ref=e6]'),
    Case("owner and repo from lines", {"owner": "acme", "repo": "x"}, "Owner: acme\nRepo: x"),
    Case("name from columns in line", {"name": "web-1"}, "NAME   READY  STATUS\nweb-1  1/1    Running"),
    Case("issue_id from JSON in a fence", {"issue_id": "77"}, 'Here:\n```json\n[{"issue_id": "77"}]\n```'),
    Case("issue_id from JSON lines", {"issue_id": "77"}, '{"issue_id": "77"}\n{"issue_id": "78"}'),
    Case("user: email from an address", {"email": "ann@example.com"}, text="hi, I'm ann@example.com"),
    Case("user: url from an address", {"url": "https://a.example/x"}, text="read https://a.example/x"),
    Case("user: issueKey from OPS-12", {"issueKey": "OPS-12"}, text="see OPS-12"),
    Case("user: order_id from #W1234567", {"order_id": "#W1234567"}, text="order #W1234567 please"),
)


def rank(case: Case) -> int | None:
    """The place of the wanted call among the predictions, calls of the first tool left out; None if it is not there."""
    predictor = PatternPredictor.train([], case.specs())
    made = predictor.predict(History("cold", None, case.events()), PREDICTIONS)
    found = [dict(each.arguments) for each in made if each.tool == case.second]
    return found.index(dict(case.wanted)) + 1 if dict(case.wanted) in found else None
