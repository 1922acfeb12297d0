"""Proposing a manifest from what is known of the tools. A proposal is for a person to read, not to run unread.

Every entry carries its evidence as a comment. Without evidence a tool is a write. Where a server's hint says
"read-only", the entry says read, but with `speculate = false` until a person has looked: hints lie.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from speculate.declare import spec_of
from speculate.errors import ManifestError
from speculate.identity import canonical_json
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import RecordedSession
from toolspecs.manifest import Manifest

_CHANGES = re.compile(
    r"(?:^|[_\-. ])(?:add|append|apply|book|cancel|charge|clear|close|commit|create|delete|deploy|drop|edit|execute|"
    r"insert|install|kill|merge|modify|move|pay|patch|post|publish|push|put|refund|remove|rename|replace|reset|restart|run|save|"
    r"send|set|start|stop|submit|transfer|update|upload|upsert|write)(?:$|[_\-. A-Z])"
)
_LOOKS = re.compile(
    r"^(?:get|list|read|search|find|fetch|query|lookup|describe|show|view|count|check|calculate)(?:$|[_\-. A-Z])",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"passw|secret|token|api_?key|credential|authorization|ssn|card_?number|cvv|(?:^|_)pin(?:$|_)", re.IGNORECASE
)


class Proposal:
    """Entries with their evidence, and the file they make."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.specs: dict[str, ToolSpec] = {}
        self.comments: dict[str, list[str]] = {
            "": [f"Proposed from {source}. Read every entry before you use it: a wrong `read` runs a write early."]
        }

    def add(self, spec: ToolSpec, evidence: Iterable[str]) -> None:
        """One entry with its evidence."""
        self.specs[spec.name] = spec
        self.comments[spec.name] = [" ".join(line.split()) for line in evidence]

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.specs.values(), name=self.name)

    def to_toml(self) -> str:
        """The file's text. Raises ManifestError for a rule that is a Python function."""
        return self.manifest.to_toml(self.comments)


def from_mcp(listing: Any, name: str, source: str, *, are_hints_trusted: bool = False) -> Proposal:
    """Propose from the result of an MCP server's tools/list, bare, wrapped in "result", or a plain list.

    Hint names of both spellings are read (readOnlyHint, read_only_hint). `are_hints_trusted` leaves out the
    `speculate = false` that otherwise stands until a person has looked. Raises ManifestError.
    """
    if isinstance(listing, Mapping) and isinstance(listing.get("result"), Mapping):
        listing = listing["result"]
    tools = listing.get("tools") if isinstance(listing, Mapping) else listing
    if not isinstance(tools, list) or not all(isinstance(t, Mapping) and isinstance(t.get("name"), str) for t in tools):
        raise ManifestError('not the result of tools/list: expected {"tools": [{"name": …}, …]}', file=source)
    proposal = Proposal(name, source)
    for tool in tools:
        _add_mcp_tool(proposal, tool, are_hints_trusted)
    return proposal


def _add_mcp_tool(proposal: Proposal, tool: Mapping[str, Any], are_hints_trusted: bool) -> None:
    name = tool["name"]
    annotations = tool.get("annotations")
    hints = dict(annotations) if isinstance(annotations, Mapping) else {}
    says_read, says_idempotent = _hint(hints, "readOnly"), _hint(hints, "idempotent")
    open_world = _hint(hints, "openWorld") is not False  # the protocol's own default is true
    evidence = []
    given = [f"{hint}Hint = {str(_hint(hints, hint)).lower()}" for hint in _HINTS if _hint(hints, hint) is not None]
    evidence.append(f"The server's hints (not checked): {', '.join(given)}." if given else "The server gives no hints.")
    is_read = says_read is True
    if is_read and _CHANGES.search(name):
        is_read = False
        evidence.append("The hint says read-only, the name says otherwise: proposed as a write.")
    speculate = True
    if is_read and not are_hints_trusted:
        speculate = False
        evidence.append("Take speculate = false out once you know that it only reads; then narrow `reads`.")
    elif not is_read and says_read is not False and _LOOKS.match(name):
        evidence.append("The name looks like a read; without a hint or a look at its code it stays a write.")
    schema = tool.get("inputSchema", tool.get("input_schema"))
    arguments = schema.get("properties") if isinstance(schema, Mapping) else None
    arguments = arguments if isinstance(arguments, Mapping) else {}
    evidence += [
        f"The schema's default of {argument}: {text}."
        for argument, given_schema in arguments.items()
        if isinstance(given_schema, Mapping)
        and "default" in given_schema
        and (text := canonical_json(given_schema["default"])) is not None
    ]
    proposal.add(
        ToolSpec(
            name=name,
            effect=Effect.READ if is_read else Effect.WRITE,
            idempotent=says_idempotent if says_idempotent is True or (is_read and says_idempotent is False) else None,
            speculate=speculate,
            untrusted=is_read and open_world,
            egress="external" if open_world else "internal",
            arguments=_sensitive(arguments),
        ),
        evidence,
    )


_HINTS = ("readOnly", "destructive", "idempotent", "openWorld")
_SNAKE = {hint: re.sub(r"([A-Z])", r"_\1", hint).lower() + "_hint" for hint in _HINTS}


def _hint(hints: Mapping[str, Any], name: str) -> bool | None:
    value = hints.get(f"{name}Hint", hints.get(_SNAKE[name]))
    return value if isinstance(value, bool) else None


def _sensitive(arguments: Iterable[str]) -> dict[str, ArgumentSpec]:
    return {name: ArgumentSpec(sensitive=True) for name in arguments if _SECRET.search(name)}


def from_python(module: ModuleType) -> Proposal:
    """Propose from a module: what @speculate.tool declares as it stands, other public functions as writes."""
    proposal = Proposal(module.__name__.rpartition(".")[2], f"the Python module {module.__name__}")
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isroutine(function):
            continue
        spec = spec_of(function)
        if spec is not None:
            proposal.add(spec, ["Declared in the code with @speculate.tool."])
            continue
        if getattr(function, "__module__", None) != module.__name__:
            continue
        evidence = ["Not declared in the code: a write until you know better."]
        if _LOOKS.match(name):
            evidence.append("The name looks like a read.")
        parameters = inspect.signature(function).parameters
        if parameters:
            evidence.append(f"Parameters: {', '.join(map(str, parameters.values()))}.")
        proposal.add(ToolSpec(name=name, arguments=_sensitive(parameters)), evidence)
    if not proposal.specs:
        raise ManifestError("the module has no public functions", file=module.__name__)
    return proposal


def from_traces(sessions: Iterable[RecordedSession], source: str) -> Proposal:
    """Propose from recorded runs: every tool a write, with what the runs tell about it. Raises ManifestError."""
    calls: Counter[str] = Counter()
    arguments: dict[str, Counter[str]] = {}
    repeats: Counter[tuple[str, bool]] = Counter()
    for session in sessions:
        answers: dict[str, str] = {}
        for turn in session.turns:
            for call in turn.calls:
                calls[call.tool] += 1
                arguments.setdefault(call.tool, Counter()).update(() if call.is_raw else list(call.args))
                result = turn.results.get(call.id)
                key, text = canonical_json(dict(call.args)), canonical_json(result.result) if result else None
                if key is None or text is None or result is None or not result.known or result.cut:
                    continue
                key = f"{call.tool} {key}"
                if key in answers:
                    repeats[call.tool, answers[key] == text] += 1
                answers[key] = text
    if not calls:
        raise ManifestError("there are no calls in these runs", file=source)
    proposal = Proposal("proposed", source)
    for tool, count in calls.most_common():
        shares = [f"{name} ({seen / count:.0%})" for name, seen in arguments[tool].most_common(12)]
        evidence = [f"Called {count} times; arguments: {', '.join(shares) or 'none'}."]
        same, other = repeats[tool, True], repeats[tool, False]
        if same or other:
            evidence.append(
                f"Repeated with the same arguments in a session: {same} times the same answer, {other} times another."
            )
        if _LOOKS.match(tool) and not _CHANGES.search(tool):
            evidence.append('The name looks like a read: effect = "read" if it really only reads.')
        proposal.add(ToolSpec(name=tool, arguments=_sensitive(arguments[tool])), evidence)
    return proposal
