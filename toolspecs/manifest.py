"""A manifest: what each tool of a set does to the world."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from speculate.errors import ManifestError
from speculate.spec import ToolSpec
from toolspecs.compiling import compile_tool, entry_of, launch_limits
from toolspecs.contradictions import contradictions
from toolspecs.problems import from_validation, line_of, path_of, raise_all, toml_lines
from toolspecs.schema import VERSION, ManifestEntry
from toolspecs.toml_writer import to_toml

Format = Literal["toml", "json"]


class Manifest(Mapping[str, ToolSpec]):
    """The specs of the declared tools, by name. A mapping, so it is what `Runtime(manifest=…)` asks for.

    Immutable. A tool that is not in it is a write of everything, never started early (`spec` says so).
    `without_effect` names the tools whose entry gave no `effect`, and so counts as a write.
    """

    __slots__ = ("_specs", "file", "name", "without_effect")

    def __init__(
        self,
        specs: Iterable[ToolSpec] = (),
        *,
        name: str = "",
        file: str | None = None,
        without_effect: Iterable[str] = (),
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self.name = name
        self.file = file
        self.without_effect = frozenset(without_effect)

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read a manifest file: JSON if its name ends in .json, else TOML.

        Raises:
            ManifestError: the file cannot be read or says something wrong; it names the file, the line, the
                tool, the field and the mend. Several findings come together (`ManifestProblems.problems`).
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise ManifestError("no such file", file=str(path)) from None
        except UnicodeDecodeError as error:
            raise ManifestError(f"not UTF-8 text (byte {error.start})", file=str(path)) from None
        except OSError as error:
            raise ManifestError(f"cannot be read: {error.strerror or error}", file=str(path)) from None
        format: Format = "json" if path.suffix.lower() == ".json" else "toml"
        return cls.loads(text, str(path), format=format)

    @classmethod
    def loads(cls, text: str, name: str = "manifest", *, format: Format = "toml") -> Manifest:
        """Read a manifest from text; `name` stands for the file in errors. Raises ManifestError."""
        if format == "json":
            return cls.from_dict(_parse_json(text, name), file=name)
        return cls.from_dict(_parse_toml(text, name), file=name, lines=toml_lines(text))

    @classmethod
    def from_dict(
        cls,
        document: Mapping[str, Any],
        *,
        file: str | None = None,
        lines: Mapping[tuple[str | int, ...], int] | None = None,
    ) -> Manifest:
        """Read a manifest from what a TOML or JSON parser returns. Raises ManifestError."""
        lines = lines or {}
        _check_version(document, file, lines)
        try:
            entry = ManifestEntry.model_validate(document)
        except ValidationError as error:
            raise_all(from_validation(error, file, lines))
            raise  # pragma: no cover  # pydantic never reports an empty list
        raise_all(
            [
                ManifestError(problem, file=file, tool=tool, field=field, line=line_of(path_of(tool, field), lines))
                for tool, field, problem in contradictions(entry)
            ]
        )
        specs = [compile_tool(tool, given, entry.defaults) for tool, given in entry.tools.items()]
        name = entry.name or (Path(file).stem if file is not None else "")
        silent = [tool for tool, given in entry.tools.items() if "effect" not in given.model_fields_set]
        return cls(specs, name=name, file=file, without_effect=silent)

    def __getitem__(self, tool: str) -> ToolSpec:
        return self._specs[tool]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, tool: object) -> bool:
        return tool in self._specs

    def __repr__(self) -> str:
        effects = [spec.effect.value for spec in self._specs.values()]
        counts = ", ".join(f"{effects.count(kind)} {kind}" for kind in ("read", "abortable", "write"))
        return f"<Manifest {self.name!r}: {counts}>"

    def __or__(self, other: Mapping[str, ToolSpec]) -> Manifest:
        """Both together; where both declare a tool, the right side's entry holds."""
        if not isinstance(other, Mapping):
            return NotImplemented
        silent = self.without_effect - other.keys()
        if isinstance(other, Manifest):
            silent |= other.without_effect
        return Manifest({**self._specs, **other}.values(), name=self.name, without_effect=silent)

    def spec(self, tool: str) -> ToolSpec:
        """The tool's spec; for a tool nobody declared, a write of everything that is never started early."""
        found = self._specs.get(tool)
        return found if found is not None else ToolSpec.undeclared(tool)

    def prefixed(self, prefix: str) -> Manifest:
        """The same tools under names with a prefix, as MCP clients give them ("git" + "_" + "status")."""
        return Manifest(
            [
                replace(
                    spec,
                    name=prefix + spec.name,
                    compensate=None if spec.compensate is None else prefix + spec.compensate,
                )
                for spec in self._specs.values()
            ],
            name=self.name,
            without_effect=[prefix + tool for tool in self.without_effect],
        )

    def to_dict(self) -> dict[str, Any]:
        """The manifest as a document that `from_dict` reads back to the same specs. Raises ManifestError."""
        limits = launch_limits(list(self._specs.values()))
        return {
            "manifest": VERSION,
            "name": self.name,
            **({"defaults": limits} if limits else {}),
            "tools": {name: entry_of(spec) for name, spec in self._specs.items()},
        }

    def to_toml(self, comments: Mapping[str, Iterable[str]] | None = None) -> str:
        """The manifest as TOML; `comments` gives lines to stand above a tool's entry ("" for the file's head)."""
        return to_toml(self.to_dict(), comments or {})

    def dump(self, path: str | Path) -> None:
        """Write the manifest: JSON if the name ends in .json, else TOML. Raises OSError, ManifestError."""
        path = Path(path)
        if path.suffix.lower() == ".json":
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        else:
            text = self.to_toml()
        path.write_text(text, encoding="utf-8")


def _parse_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"not valid TOML: {error}", file=file) from None
    except RecursionError:
        raise ManifestError("nested too deep", file=file) from None


def _parse_json(text: str, file: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in pairs:
            if key in out:  # the second would silently replace the first: a tool's effect, perhaps
                raise ManifestError(f"the key {key!r} stands twice in one object; keep one", file=file)
            out[key] = value
        return out

    def constant(name: str) -> Any:
        raise ManifestError(f"{name} is not JSON", file=file)

    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"not valid JSON: {error.msg} (column {error.colno})", file=file, line=error.lineno
        ) from None
    except RecursionError:
        raise ManifestError("nested too deep", file=file) from None
    if not isinstance(document, dict):
        raise ManifestError("must be a JSON object", file=file)
    return document


def _check_version(document: Mapping[str, Any], file: str | None, lines: Mapping[tuple[str | int, ...], int]) -> None:
    version = document.get("manifest")
    if type(version) is int and version == VERSION:
        return
    if version is None:
        problem = f"is missing; begin the file with manifest = {VERSION}"
    elif type(version) is int and version > VERSION:
        problem = f"this release reads version {VERSION}, the file says {version}; upgrade speculate-runtime"
    else:
        problem = f"must be {VERSION}, not {version!r}"
    raise ManifestError(problem, file=file, field="manifest", line=line_of(("manifest",), lines))
