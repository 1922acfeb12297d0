"""The manifest's schema, version 1: what a file may say. The reference for users is docs/manifest.md.

Strict on purpose: an unknown field or a value of another type is an error, never ignored, since a typo in
`effect` or `writes` would otherwise turn a write into something that runs early.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from speculate.identity import is_json
from speculate.resources import argument_names, template_problem

VERSION = 1

EffectName = Literal["read", "write", "abortable"]
EgressName = Literal["none", "internal", "external"]
NormalizerName = Literal["strip", "casefold", "path", "url", "number"]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

MATCHERS = ("shell_readonly", "sql_readonly", "equals", "one_of")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self, name: str) -> bool:
        """Whether the file sets this field (a field set to its default value counts)."""
        return name in self.model_fields_set


def _check_templates(templates: list[str] | None) -> list[str] | None:
    for template in templates or ():
        if (problem := template_problem(template)) is not None:
            raise ValueError(f"{template!r}: {problem}")
    return templates


class DefaultsEntry(_Entry):
    """`[defaults]`: what a tool's entry leaves out. None: the built-in value."""

    ttl_s: Seconds | None = None
    timeout_s: PositiveSeconds | None = None
    max_concurrency: Count | None = None
    cost: Price | None = None
    egress: EgressName | None = None


class ArgumentEntry(_Entry):
    """`[tools.NAME.arguments.ARGUMENT]`: how one argument counts towards a call's identity."""

    normalize: NormalizerName | None = None
    ignore: bool = False
    default: Any = None
    sensitive: bool = False

    @field_validator("default")
    @classmethod
    def _default_is_json(cls, value: Any) -> Any:
        if not is_json(value):
            raise ValueError("must be a JSON value (a date or a time is none; write it as a string)")
        return value


class WhenEntry(_Entry):
    """`[[tools.NAME.when]]`: another effect, for calls whose `argument` matches."""

    argument: Annotated[str, Field(min_length=1)]
    shell_readonly: Literal[True] | None = None
    sql_readonly: Literal[True] | None = None
    equals: Any = None
    one_of: Annotated[list[Any], Field(min_length=1)] | None = None
    effect: EffectName
    idempotent: bool | None = None
    reads: list[str] | None = None
    writes: list[str] | None = None

    _templates = field_validator("reads", "writes")(_check_templates)

    @field_validator("equals", "one_of")
    @classmethod
    def _is_json(cls, value: Any) -> Any:
        if not is_json(value):
            raise ValueError("must be a JSON value (a date or a time is none; write it as a string)")
        return value

    @model_validator(mode="after")
    def _one_matcher(self) -> WhenEntry:
        given = [name for name in MATCHERS if self.given(name)]
        if len(given) != 1:
            said = "none is given" if not given else f"{' and '.join(given)} are given"
            raise ValueError(f"needs exactly one of {', '.join(MATCHERS)}; {said} (write one `when` for each)")
        return self


class ToolEntry(_Entry):
    """`[tools.NAME]`: what one tool does to the world."""

    effect: EffectName = "write"
    idempotent: bool | None = None
    reads: list[str] | None = None
    writes: list[str] | None = None
    speculate: bool = True
    untrusted: bool = False
    ttl_s: Seconds | None = None
    timeout_s: PositiveSeconds | None = None
    max_concurrency: Count | None = None
    cost: Price | None = None
    egress: EgressName | None = None
    arguments: dict[str, ArgumentEntry] = Field(default_factory=dict)
    dedup_key: str | None = None
    confirm: bool = False
    compensate: str | None = None
    when: list[WhenEntry] = Field(default_factory=list)

    _templates = field_validator("reads", "writes")(_check_templates)

    @field_validator("dedup_key")
    @classmethod
    def _dedup_names_arguments(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is None:
            return None
        if (problem := template_problem(key)) is not None:
            raise ValueError(f"{key!r}: {problem}")
        if not argument_names(key):
            raise ValueError('name at least one argument, as in "{order_id}"')
        return key


class ManifestEntry(_Entry):
    """A whole manifest file."""

    manifest: int
    name: str = ""
    defaults: DefaultsEntry = Field(default_factory=DefaultsEntry)
    tools: dict[str, ToolEntry] = Field(default_factory=dict)
