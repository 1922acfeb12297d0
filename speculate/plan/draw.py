"""A compiled plan drawn: for the terminal, as Mermaid text, as a page of HTML that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from speculate.calls import ToolCall
from speculate.fanout.branches import describe
from speculate.plan.compiled import CompiledPlan, EdgeKind, Node
from speculate.plan.findings import Finding
from speculate.plan.placeholders import Reference, Text
from speculate.plan.placeholders import as_text as _as_text

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLUMN, _ROW, _WIDTH, _HEIGHT = 230, 74, 190, 48
_ARROWS = {EdgeKind.DATA: "-->", EdgeKind.WHEN: "-.->", EdgeKind.AFTER: "-->", EdgeKind.ORDER: "-.->"}


def written(tree: Any) -> Any:
    """Arguments as they were written, placeholders and all."""
    kind = type(tree)
    if kind is Reference:
        return _Bare(str(tree))
    if kind is Text:
        return "".join(part if type(part) is str else str(written(part)) for part in tree.parts)
    if kind is dict:
        return {key: written(item) for key, item in tree.items()}
    if kind is list:
        return [written(item) for item in tree]
    return tree


class _Bare(str):
    """A placeholder, shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def call_text(node: Node, limit: int = 60) -> str:
    """A task's call as a person writes it."""
    if node.tool is None:
        return f"result {_as_text(written(node.tree))}"[:limit]
    return describe(ToolCall(node.tool, written(node.tree)), limit)


def _effect(node: Node) -> str:
    return "" if node.tool is None else "write" if node.effect.is_write else "read"


def _levels(plan: CompiledPlan) -> list[int]:
    level = [0] * len(plan.nodes)
    for edge in plan.edges:  # by ascending target, sources before targets
        level[edge.target] = max(level[edge.target], level[edge.source] + 1)
    return level


def summary(plan: CompiledPlan) -> str:
    """The plan in one line: its size, and how long it is predicted to take."""
    one_by_one = f"{plan.total_s:.3g} s one by one"
    return (
        f"{plan.name}: {len(plan)} tasks, {len(plan.edges)} edges; predicted {plan.makespan_s:.3g} s, {one_by_one}; "
        f"critical path {' → '.join(plan.critical_path[:12])}{' → …' if len(plan.critical_path) > 12 else ''}"
    )


def terminal(plan: CompiledPlan) -> RenderableType:
    """A table for the terminal, wave by wave: tasks of one wave can run at once."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text as Styled

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("wave", "task", "effect", "call", "waits for", "s"):
        table.add_column(name, justify="right" if name in ("wave", "s") else "left", overflow="fold")
    level, critical = _levels(plan), set(plan.critical_path)
    before: dict[int, list[str]] = {}
    for edge in plan.edges:
        mark = {EdgeKind.WHEN: "?", EdgeKind.ORDER: "!"}.get(edge.kind, "")
        before.setdefault(edge.target, []).append(plan.nodes[edge.source].id + mark)
    last: int | None = None
    for position in sorted(range(len(plan)), key=lambda each: (level[each], each)):
        node = plan.nodes[position]
        wave = "" if level[position] == last else str(level[position] + 1)
        last = level[position]
        conditions = "".join(f"\nif {when}" for when, _ in node.conditions)
        effect = _effect(node)
        table.add_row(
            wave,
            Styled(node.id, style="bold" if node.id in critical else ""),
            Styled(effect, style="red" if effect == "write" else "green"),
            Styled(call_text(node) + conditions),
            Styled(", ".join(before.get(position, []))),
            f"{node.seconds:.3g}",
        )
    legend = Styled("bold: critical path; ?: a condition; !: order added, because the two may conflict", style="dim")
    findings = [
        Styled(f"{finding.severity}: {finding}", style={"warning": "yellow"}.get(finding.severity, "dim"))
        for finding in plan.findings
    ]
    return Group(Styled(summary(plan)), table, legend, *findings)


def mermaid(plan: CompiledPlan) -> str:
    """The plan as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    critical = set(plan.critical_path)
    for position, node in enumerate(plan.nodes):
        label = _mermaid_text(f"{node.id}: {call_text(node)}")
        shape = f'[["{label}"]]' if node.effect.is_write else f'["{label}"]' if node.tool else f'(["{label}"])'
        lines.append(f"    n{position}{shape}{':::critical' if node.id in critical else ''}")
    for edge in plan.edges:
        node, label = plan.nodes[edge.target], ""
        if edge.kind is EdgeKind.WHEN:
            source = plan.nodes[edge.source].id
            asked = [str(when) for when, reference in node.conditions if reference.task == source]
            label = f'|"{_mermaid_text(" and ".join(asked))}"|'
        elif edge.kind is EdgeKind.ORDER:
            label = '|"order"|'
        lines.append(f"    n{edge.source} {_ARROWS[edge.kind]}{label} n{edge.target}")
    lines.append("    classDef critical stroke-width:3px")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    return "".join(
        character if character.isalnum() or character in " .,:_-/()" else f"#{ord(character)};" for character in text
    )


_STYLE = """
:root { color-scheme: light dark; --line: #8888; --read: #2a7d4f; --write: #b3372f; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; }
svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
rect { fill: none; stroke: var(--line); stroke-width: 1.5; rx: 6; }
rect.read { stroke: var(--read); } rect.write { stroke: var(--write); } rect.critical { stroke-width: 3; }
path { fill: none; stroke: var(--line); stroke-width: 1.5; } path.when, path.order { stroke-dasharray: 4 3; }
li.warning { color: #b8860b; }
"""


def html(plan: CompiledPlan) -> str:
    """The plan as one HTML page with a drawing in SVG; no script, and nothing fetched from elsewhere."""
    level = _levels(plan)
    rows: dict[int, int] = {}
    places: list[tuple[int, int]] = []
    for each in level:
        rows[each] = rows.get(each, 0) + 1
        places.append((10 + each * _COLUMN, 10 + (rows[each] - 1) * _ROW))
    width = 20 + (max(level, default=0) + 1) * _COLUMN
    height = 20 + max(rows.values(), default=1) * _ROW
    critical = set(plan.critical_path)
    parts: list[str] = []
    for edge in plan.edges:
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
        middle = (x1 + x2) // 2
        parts.append(f'<path class="{edge.kind.value}" d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/>')
    for node, (x, y) in zip(plan.nodes, places, strict=True):
        kind = f"{_effect(node)}{' critical' if node.id in critical else ''}"
        full = escape(f"{node.id}: {call_text(node, 400)}")
        parts.append(
            f'<g><title>{full}</title><rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"/>'
            f'<text x="{x + 8}" y="{y + 20}" font-weight="bold">{escape(node.id)} · {node.seconds:.3g} s</text>'
            f'<text x="{x + 8}" y="{y + 38}">{escape(call_text(node, 28))}</text></g>'
        )
    findings = "".join(
        f'<li class="{finding.severity}">{escape(f"{finding.severity}: {finding}")}</li>' for finding in plan.findings
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(plan.name)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(plan.name)}</h1><p>{escape(summary(plan))}</p>"
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'
        f"<ul>{findings}</ul></body></html>\n"
    )


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "severity": finding.severity,
        "code": finding.code,
        "task": finding.task,
        "problem": finding.problem,
        "mend": finding.mend,
    }


def document(plan: CompiledPlan) -> dict[str, Any]:
    """The plan as plain data, for `--json`."""
    return {
        "name": plan.name,
        "tasks": [
            {
                "id": node.id,
                "tool": node.tool,
                "arguments": _plain(node.tree),
                "effect": _effect(node) or None,
                "seconds": node.seconds,
                "remaining_s": node.remaining_s,
                "when": [str(when) for when, _ in node.conditions],
            }
            for node in plan.nodes
        ],
        "edges": [
            {"from": plan.nodes[edge.source].id, "to": plan.nodes[edge.target].id, "kind": edge.kind.value}
            for edge in plan.edges
        ],
        "findings": [finding_document(finding) for finding in plan.findings],
        "critical_path": list(plan.critical_path),
        "critical_path_s": plan.critical_path_s,
        "makespan_s": plan.makespan_s,
        "one_by_one_s": plan.total_s,
    }


def _plain(tree: Any) -> Any:
    shown = written(tree)
    if isinstance(shown, dict):
        return {key: _plain(item) for key, item in shown.items()}
    if isinstance(shown, list):
        return [_plain(item) for item in shown]
    return str(shown) if isinstance(shown, _Bare) else shown
