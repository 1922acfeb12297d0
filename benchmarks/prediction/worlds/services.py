"""Twelve made-up web services of eight tools each, every one with habits of its own.

Tool names are snake_case, camelCase, kebab-case or dotted; identifiers are numbers, keys, UUIDs, prefixed or resource
names; a record's identifier stands in a field called otherwise than the argument that takes it; lists come bare,
wrapped, nested, paged by cursor, token, offset or link, as JSON values or as JSON in a block of text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.prediction.worlds.vocabulary import digits, hexadecimal, letters, uuid

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `tools`: list, read, children, child, person, catalog, change, remark. `arguments`: of read,
    children, child (parent's or None, its own), person. `fields`: where a record keeps its identifier,
         its child's and
    its person's. `paging`: "cursor", "offset", "page" or "" and the argument that takes it. `fixed`: sent with every
    list. `search`: the argument for free words, or None."""

    name: str
    tools: tuple[str, str, str, str, str, str, str, str]
    arguments: tuple[str, str, tuple[str | None, str], str]
    fields: tuple[str, str, str]
    id: Callable[[Random], Any]
    wrap: Callable[[Sequence[Record], Any], Any]
    paging: tuple[str, str]
    fixed: Mapping[str, Any]
    search: str | None
    person_field: str = "assignee"
    as_text: bool = False


def _number(rng: Random) -> int:
    return rng.randint(10_000, 9_999_999)


def _prefixed(prefix: str, size: int = 14) -> Callable[[Random], str]:
    return lambda rng: prefix + letters(rng, 2).upper() + digits(rng, size - 2)


def _key(rng: Random) -> str:
    return f"{letters(rng, 3).upper()}-{rng.randint(2, 4000)}"


def _resource(kind: str) -> Callable[[Random], str]:
    return lambda rng: f"projects/{letters(rng, 6)}-{rng.randint(100, 999)}/{kind}/{letters(rng, 8)}"


def _envelope(name: str, cursor: str) -> Callable[[Sequence[Record], Any], Any]:
    return lambda records, after: {name: list(records), cursor: after, "total": len(records) + 20}


def _bare(records: Sequence[Record], after: Any) -> Any:
    return list(records)


def _attributes(records: Sequence[Record], after: Any) -> Any:
    """Identifier outside, everything else in `attributes`."""
    data = [{"id": r["id"], "type": "record", "attributes": {k: v for k, v in r.items() if k != "id"}} for r in records]
    return {"data": data, "meta": {"page": {"after": after}}}


def _graph(records: Sequence[Record], after: Any) -> Any:
    return {
        "data": {"viewer": {"items": {"edges": [{"node": dict(r)} for r in records], "pageInfo": {"endCursor": after}}}}
    }


def _linked(records: Sequence[Record], after: Any) -> Any:
    return {"value": list(records), "links": {"next": f"https://api.example.com/v2/records?cursor={after}&limit=20"}}


SERVICES = (
    Service(
        "tracker",
        ("tracker_search_issues", "tracker_get_issue", "tracker_get_comments", "tracker_get_comment",
         "tracker_get_user", "tracker_list_projects", "tracker_transition_issue", "tracker_add_comment"),
        ("issueKey", "issueKey", ("issueKey", "commentId"), "accountId"), ("key", "id", "accountId"),
        _key, _envelope("issues", "nextPageToken"), ("cursor", "nextPageToken"), {"maxResults": 50}, "jql",
    ),
    Service(
        "crm",
        ("listContacts", "getContact", "listDeals", "getDeal", "getOwner", "listPipelines", "updateContact",
         "createNote"),
        ("contactId", "contactId", (None, "dealId"), "ownerId"), ("id", "id", "ownerId"),
        _number, _envelope("results", "after"), ("cursor", "after"), {"limit": 20}, "query", "owner",
    ),
    Service(
        "billing",
        ("billing.customers.list", "billing.customers.retrieve", "billing.invoices.list",
         "billing.invoices.retrieve", "billing.agents.retrieve", "billing.plans.list", "billing.customers.update",
         "billing.notes.create"),
        ("customer", "customer", (None, "invoice"), "agent"), ("id", "id", "agent_id"),
        _prefixed("cus_"), _envelope("data", "next_page"), ("cursor", "page"), {"limit": 10}, "email", "agent",
    ),
    Service(
        "chat",
        ("chat-list-channels", "chat-get-channel", "chat-list-threads", "chat-get-thread", "chat-get-member",
         "chat-list-emoji", "chat-post-message", "chat-add-reaction"),
        ("channel", "channel", ("channel", "thread_ts"), "user"), ("id", "ts", "user_id"),
        _prefixed("C0", 9), _envelope("channels", "next_cursor"), ("cursor", "cursor"), {"limit": 100,
         "exclude_archived": True}, None, "creator",
    ),
    Service(
        "files",
        ("files_search", "files_get_metadata", "files_list_revisions", "files_get_revision", "files_get_account",
         "files_list_drives", "files_move", "files_share"),
        ("fileId", "fileId", ("fileId", "revisionId"), "accountId"), ("id", "id", "emailAddress"),
        lambda rng: letters(rng, 4) + digits(rng, 12) + letters(rng, 5), _envelope("files", "nextPageToken"),
         ("cursor", "pageToken"), {"pageSize": 25, "orderBy": "modifiedTime desc"}, "q", "lastModifyingUser",
        as_text=True,
    ),
    Service(
        "monitor",
        ("monitor_list_alerts", "monitor_get_alert", "monitor_list_events", "monitor_get_event",
         "monitor_get_oncall", "monitor_list_regions", "monitor_mute_alert", "monitor_annotate"),
        ("alert_id", "alert_id", ("alert_id", "event_id"), "schedule"), ("id", "uid", "schedule_id"),
        uuid, _attributes, ("cursor", "page_cursor"), {"status": "firing"}, None, "schedule",
    ),
    Service(
        "warehouse",
        ("getOrders", "getOrderById", "getShipmentsForOrder", "getShipment", "getCarrier", "getWarehouses",
         "cancelOrder", "addOrderNote"),
        ("orderId", "orderId", (None, "trackingNumber"), "carrierCode"), ("orderNumber", "trackingNo", "code"),
        _number, _envelope("orders", "next"), ("page", "page"), {"pageSize": 20, "page": 1}, None, "carrier",
    ),
    Service(
        "hr",
        ("hr.employees.search", "hr.employees.get", "hr.absences.list", "hr.absences.get", "hr.managers.get",
         "hr.offices.list", "hr.absences.approve", "hr.notes.add"),
        ("employee_id", "employee_id", (None, "absence_id"), "manager_id"), ("personnel_no", "id", "personnel_no"),
        lambda rng: digits(rng, 6), _bare, ("", ""), {"active": True}, "name", "manager",
    ),
    Service(
        "repo-host",
        ("list_pull_requests", "get_pull_request", "list_pull_request_files", "get_file_contents", "get_user",
         "list_labels", "merge_pull_request", "create_review"),
        ("pull_number", "pull_number", (None, "sha"), "username"), ("number", "blob_sha", "login"),
        lambda rng: rng.randint(3, 9000), _bare, ("page", "page"), {"state": "open", "per_page": 30, "page": 1},
         None, "author",
        as_text=True,
    ),
    Service(
        "calendar",
        ("calendar-events-list", "calendar-events-get", "calendar-attendees-list", "calendar-attendee-get",
         "calendar-organizer-get", "calendar-rooms-list", "calendar-events-update", "calendar-events-reply"),
        ("eventId", "eventId", ("eventId", "attendee"), "email"), ("id", "email", "email"),
        lambda rng: letters(rng, 5) + hexadecimal(rng, 21), _linked, ("link", "cursor"), {"calendarId": "primary",
         "singleEvents": True}, None, "organizer",
    ),
    Service(
        "queues",
        ("ListSubscriptions", "GetSubscription", "ListSnapshots", "GetSnapshot", "GetServiceAccount", "ListSchemas",
         "UpdateSubscription", "TagResource"),
        ("subscription", "subscription", (None, "snapshot"), "account"), ("name", "name", "uniqueId"),
        _resource("subscriptions"), _envelope("subscriptions", "nextPageToken"), ("cursor", "pageToken"),
         {"pageSize": 50}, "filter", "serviceAccount",
    ),
    Service(
        "boards",
        ("boards_query_items", "boards_item", "boards_item_updates", "boards_update", "boards_person",
         "boards_workspaces", "boards_move_item", "boards_create_update"),
        ("itemId", "itemId", (None, "updateId"), "personId"), ("id", "id", "personId"),
        lambda rng: digits(rng, 10), _graph, ("cursor", "cursor"), {"first": 25}, "search", "assignee",
    ),
)  # fmt: skip
