"""JSON Schema, as far as a plan can be checked before it runs.

Written here and not left to a validator package: a validator judges whole values, while a plan's arguments have
placeholders in them, which are neither right nor wrong until the schema of the result that fills them is laid beside
the schema they fill. The common keywords are understood (type, enum, const, properties, required,
additionalProperties, items, bounds, pattern, anyOf, oneOf, allOf, local $ref); what is not understood is never held
against a plan.
"""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speculate.plan.placeholders import Path, Reference, Text, show_path

MAX_DEPTH = 32
Schema = Mapping[str, Any]
LookUp = Callable[[Reference], "Schema | None"]


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """JSON Schemas of a tool's arguments and of its result; None: unknown. `parameters`: argument names in order."""

    input: Schema | None = None
    output: Schema | None = None
    parameters: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The arguments' names in the order positional arguments fill them."""
        if self.parameters or self.input is None:
            return self.parameters
        properties = self.input.get("properties")
        return tuple(properties) if isinstance(properties, Mapping) else ()


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}


_OBJECT, _ARRAY = frozenset({"object"}), frozenset({"array"})

_RANGES: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "minimum": (operator.ge, "at least"),
    "maximum": (operator.le, "at most"),
    "exclusiveMinimum": (operator.gt, "above"),
    "exclusiveMaximum": (operator.lt, "below"),
}


def _types(schema: Schema) -> frozenset[str] | None:
    """The types a schema allows, or None where it does not say."""
    kind = schema.get("type")
    names = [kind] if isinstance(kind, str) else list(kind) if isinstance(kind, (list, tuple)) else None
    if names is None:
        values = schema["enum"] if isinstance(schema.get("enum"), Sequence) else None
        values = [schema["const"]] if "const" in schema else values
        if values is None:
            return None
        names = [name for name in _TYPES if any(_TYPES[name](value) for value in values)]
    if schema.get("nullable") is True:
        names.append("null")
    if "number" in names:
        names.append("integer")
    return frozenset(names)


def resolve(schema: Any, root: Schema) -> Schema | None:
    """The schema behind a local $ref; None for what is no schema that says anything."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, Mapping):
            return None
        target = schema.get("$ref")
        if not isinstance(target, str):
            return schema
        if not target.startswith("#"):
            return None
        schema = root
        for step in target[1:].strip("/").split("/"):
            if step:
                key = step.replace("~1", "/").replace("~0", "~")
                schema = schema.get(key) if isinstance(schema, Mapping) else None
    return None


def problems(tree: Any, schema: Schema, look_up: LookUp, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What is wrong with arguments (placeholders in them) under a schema, as path and problem."""
    yield from _problems(tree, schema, schema, look_up, path, MAX_DEPTH)


def _problems(
    tree: Any, schema: Any, root: Schema, look_up: LookUp, path: Path, depth: int
) -> Iterator[tuple[Path, str]]:
    if schema is False:
        yield path, "nothing is allowed here"
        return
    rules = resolve(schema, root)
    if rules is None or depth <= 0:
        return
    if isinstance(tree, Reference):
        source = look_up(tree)
        if source is not None and (why := mismatch(source, source, rules, root)) is not None:
            yield path, f"{tree} gives {why}"
        return
    types = _types(rules)
    if isinstance(tree, Text):
        if types is not None and "string" not in types:
            yield path, f"text is passed where {_one_of(types)} is wanted (a placeholder alone keeps its type)"
        return
    if types is not None and not any(_TYPES[name](tree) for name in types if name in _TYPES):
        yield path, f"{_shown(tree)} is passed where {_one_of(types)} is wanted"
        return
    yield from _bounds(tree, rules, path)
    if isinstance(tree, Mapping):
        yield from _object(tree, rules, root, look_up, path, depth)
    elif isinstance(tree, (list, tuple)) and "items" in rules:
        for index, item in enumerate(tree):
            yield from _problems(item, rules["items"], root, look_up, (*path, index), depth - 1)
    for part in _list(rules, "allOf"):
        yield from _problems(tree, part, root, look_up, path, depth - 1)
    for keyword in ("anyOf", "oneOf"):
        parts = _list(rules, keyword)
        found = [list(_problems(tree, part, root, look_up, path, depth - 1)) for part in parts]
        if parts and all(found):
            yield min(found, key=len)[0]


def _object(
    tree: Mapping[str, Any], rules: Schema, root: Schema, look_up: LookUp, path: Path, depth: int
) -> Iterator[tuple[Path, str]]:
    declared = rules.get("properties")
    properties: Mapping[str, Any] = declared if isinstance(declared, Mapping) else {}
    for name in _list(rules, "required"):
        if name not in tree:
            yield (*path, name), "is required and missing"
    patterned = bool(rules.get("patternProperties"))
    for name, item in tree.items():
        if name in properties:
            yield from _problems(item, properties[name], root, look_up, (*path, name), depth - 1)
        elif "additionalProperties" in rules and not patterned:
            extra = rules["additionalProperties"]
            if extra is False:
                known = ", ".join(properties) or "none"
                yield (*path, name), f"is not an argument of it; there are: {known}"
            elif isinstance(extra, Mapping):
                yield from _problems(item, extra, root, look_up, (*path, name), depth - 1)


def _bounds(value: Any, rules: Schema, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(rules.get("enum"), Sequence) and not any(_same(value, item) for item in rules["enum"]):
        yield path, f"{_shown(value)} is none of {', '.join(map(_shown, rules['enum']))}"
    if "const" in rules and not _same(value, rules["const"]):
        yield path, f"{_shown(value)} is not {_shown(rules['const'])}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for keyword, (fits, words) in _RANGES.items():
            bound = rules.get(keyword)
            if isinstance(bound, (int, float)) and not isinstance(bound, bool) and not fits(value, bound):
                yield path, f"{value!r} must be {words} {bound!r}"
    size = "Length" if isinstance(value, str) else "Items" if isinstance(value, (list, tuple)) else None
    if size is not None:
        least, most = rules.get(f"min{size}", 0), rules.get(f"max{size}", math.inf)
        if isinstance(least, (int, float)) and isinstance(most, (int, float)) and not least <= len(value) <= most:
            yield path, f"has a length of {len(value)}, which must be from {least} to {most}"
    pattern = rules.get("pattern")
    if isinstance(value, str) and isinstance(pattern, str) and len(value) <= 10_000:
        try:
            found = re.search(pattern, value)
        except re.error:  # an ECMA pattern that Python does not read
            return
        if found is None:
            yield path, f"{_shown(value)} does not match {pattern}"


def mismatch(source: Any, source_root: Schema, target: Any, target_root: Schema, depth: int = MAX_DEPTH) -> str | None:
    """Why no value of `source` could ever fit `target`, or None if one may: only certainty is held against a plan."""
    one, other = resolve(source, source_root), resolve(target, target_root)
    if one is None or other is None or depth <= 0:
        return None
    given, wanted = _types(one), _types(other)
    if given is not None and wanted is not None and not given & wanted:
        return f"{_one_of(given)}, and {_one_of(wanted)} is wanted"
    values, allowed = _values(one), _values(other)
    if values is not None and allowed is not None and not any(_same(a, b) for a in values for b in allowed):
        return f"one of {', '.join(map(_shown, values))}, and one of {', '.join(map(_shown, allowed))} is wanted"
    for keyword in ("anyOf", "oneOf"):
        if parts := _list(one, keyword):
            whys = [mismatch(part, source_root, target, target_root, depth - 1) for part in parts]
            if all(whys):
                return whys[0]
        if parts := _list(other, keyword):
            whys = [mismatch(source, source_root, part, target_root, depth - 1) for part in parts]
            if all(whys):
                return whys[0]
    if given == _OBJECT and wanted == _OBJECT:
        has = one.get("properties")
        for name in _list(other, "required"):
            if isinstance(has, Mapping) and name not in has and one.get("additionalProperties") is False:
                return f"an object without {name!r}, which is required"
            if isinstance(has, Mapping) and name in has and isinstance(other.get("properties"), Mapping):
                why = mismatch(has[name], source_root, other["properties"].get(name), target_root, depth - 1)
                if why is not None:
                    return f"an object whose {name!r} is {why}"
    if given == _ARRAY and wanted == _ARRAY and "items" in one and "items" in other:
        why = mismatch(one["items"], source_root, other["items"], target_root, depth - 1)
        if why is not None and one.get("minItems", 0):
            return f"a list of {why}"
    return None


def _values(rules: Schema) -> list[Any] | None:
    if "const" in rules:
        return [rules["const"]]
    return list(rules["enum"]) if isinstance(rules.get("enum"), Sequence) else None


def at(schema: Schema, path: Path) -> tuple[Schema | None, str | None]:
    """The schema of what stands at `path` in a value of `schema`, and what is suspicious about the path.

    (None, None): the schema does not say.
    """
    root, here = schema, resolve(schema, schema)
    for depth, step in enumerate(path):
        if here is None or any(keyword in here for keyword in ("anyOf", "oneOf", "allOf")):
            return None, None
        types = _types(here)
        if types is not None and not types & {"object", "array", "string"}:
            return None, f"{show_path(path[: depth + 1])} asks for a part of {_one_of(types)}"
        if isinstance(step, int) and types == _ARRAY:
            here = resolve(here.get("items"), root)
            continue
        properties = here.get("properties")
        if not isinstance(properties, Mapping):
            return None, None
        if str(step) not in properties:
            if here.get("additionalProperties") not in (None, False):
                return None, None
            return None, f"{show_path(path[: depth + 1])} is not declared; there are: {', '.join(properties)}"
        here = resolve(properties[str(step)], root)
    if here is None or root is here or "$ref" not in str(here):
        return here, None
    # What is returned is resolved against itself later on, so the definitions go with it.
    return {**here, **{name: root[name] for name in ("$defs", "definitions") if name in root}}, None


def of_callable(function: Callable[..., Any]) -> ToolSchema:
    """The schemas of a Python function, from its annotations. What has none, or none that pydantic reads, is open."""
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        signature = inspect.signature(function, eval_str=True)
    except (TypeError, ValueError, NameError):
        return ToolSchema()

    def schema_of(annotation: Any, mode: Any) -> Any:
        if annotation in (inspect.Parameter.empty, Any, None):
            return {}
        try:
            return TypeAdapter(annotation).json_schema(mode=mode)
        except (PydanticUserError, PydanticInvalidForJsonSchema, TypeError, ValueError, NameError, AttributeError):
            return {}  # a type that is not JSON: nothing can be said about it

    properties: dict[str, Any] = {}
    required: list[str] = []
    is_open = False
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            properties[name] = schema_of(parameter.annotation, "validation")
            if parameter.default is parameter.empty:
                required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if not is_open:
        schema["additionalProperties"] = False
    output = schema_of(signature.return_annotation, "serialization")
    return ToolSchema(schema, output or None, tuple(properties))


def _list(rules: Schema, keyword: str) -> list[Any]:
    found = rules.get(keyword)
    return list(found) if isinstance(found, (list, tuple)) else []


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _one_of(types: frozenset[str]) -> str:
    names = sorted(types - {"integer"} if "number" in types else types)
    return " or ".join(names) or "nothing"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
