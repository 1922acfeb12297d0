"""What a manifest says that cannot all be true, or that could never have an effect."""

from __future__ import annotations

from collections.abc import Iterator

from speculate.resources import argument_names
from toolspecs.schema import ManifestEntry, ToolEntry

Contradiction = tuple[str, str, str]  # tool, field, problem with its mend


def contradictions(entry: ManifestEntry) -> Iterator[Contradiction]:
    """Every contradiction, in the order of the file."""
    for name, tool in entry.tools.items():
        if not name:
            yield name, "tools", "a tool needs a name"
        for field, problem in _of_tool(tool):
            yield name, field, problem
        if tool.compensate is not None:
            undo = entry.tools.get(tool.compensate)
            if undo is None:
                yield name, "compensate", f"{tool.compensate!r} is not declared; declare it, or drop the field"
            elif not _can_write(undo):
                yield name, "compensate", f"{tool.compensate!r} is a read and can undo nothing"


def _can_write(tool: ToolEntry) -> bool:
    return tool.effect != "read" or any(rule.effect != "read" for rule in tool.when)


def _of_tool(tool: ToolEntry) -> Iterator[tuple[str, str]]:
    if tool.effect == "read" and tool.writes:
        yield "writes", 'a read writes nothing; drop `writes`, or say effect = "write" or "abortable"'
    if not _can_write(tool):
        if tool.confirm:
            yield "confirm", "only writes are confirmed, and this tool only reads; drop it, or mend `effect`"
        if tool.dedup_key is not None:
            yield "dedup_key", "only writes are de-duplicated, and this tool only reads; drop it, or mend `effect`"
        if tool.compensate is not None:
            yield "compensate", "only writes can be undone, and this tool only reads; drop it, or mend `effect`"
    ignored = {name for name, argument in tool.arguments.items() if argument.ignore}
    templates = [("reads", template) for template in tool.reads or ()]
    templates += [("writes", template) for template in tool.writes or ()]
    templates += [("dedup_key", tool.dedup_key)] if tool.dedup_key is not None else []
    for index, rule in enumerate(tool.when):
        where = f"when[{index}]"
        if rule.effect == "read" and rule.writes:
            yield f"{where}.writes", 'a read writes nothing; drop `writes`, or say effect = "write" or "abortable"'
        templates += [(f"{where}.reads", template) for template in rule.reads or ()]
        templates += [(f"{where}.writes", template) for template in rule.writes or ()]
        if rule.argument in ignored:
            yield f"{where}.argument", f"{rule.argument!r} is ignored (ignore = true) and can decide nothing"
        argument = tool.arguments.get(rule.argument)
        normalize = argument.normalize if argument is not None else None
        if (rule.shell_readonly or rule.sql_readonly) and normalize not in (None, "strip"):
            yield (
                f"arguments.{rule.argument}.normalize",
                f"{normalize!r} changes the text, so {where} would judge another than the one that runs; drop it",
            )
    for field, template in templates:
        for name in argument_names(template):
            if name in ignored:
                yield field, f"{{{name}}} names an argument that is ignored; drop `ignore`, or the template's part"
    for name, argument in tool.arguments.items():
        if argument.ignore:
            idle = [what for what in ("normalize", "default") if argument.given(what)]
            for what in idle:
                yield f"arguments.{name}.{what}", "has no effect on an argument that is ignored; drop one of the two"
