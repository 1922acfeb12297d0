"""The plan an audit ends in: a manifest with guards, and the settings, in two files that the runtime loads as they are.

`OUT.toml` is a manifest. `OUT.policy.toml` says whether to speculate, with which predictor and under which limits:

    policy = 1
    speculation = true
    predictor = "pattern"

    [settings]            # fields of speculate.Policy
    max_in_flight = 32
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from speculate.audit.auditing import Audit, Speculated
from speculate.audit.document import guard_key
from speculate.audit.outcomes import remedies
from speculate.audit.recommend import recommend
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.spec import Effect, ToolSpec
from toolspecs import Manifest
from toolspecs.toml_writer import value

VERSION = 1
_KNOWN = ("policy", "speculation", "predictor", "settings")


class PolicyError(SpeculateError):
    """A policy file is wrong. Names the file and the field."""

    def __init__(self, problem: str, *, file: str, field: str | None = None) -> None:
        self.problem, self.file, self.field = problem, file, field
        super().__init__(f"{file}, field {field!r}: {problem}" if field is not None else f"{file}: {problem}")


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What a policy file says: `Runtime(…, policy=settings.policy, speculation=settings.speculation)`."""

    policy: Policy
    speculation: bool = True
    predictor: str = "pattern"


def load_settings(path: str | Path) -> PlanSettings:
    """Read a policy file. Raises PolicyError naming the file, the field and the mend."""
    file = str(path)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}", file=file) from error
    for name in document:
        if name not in _KNOWN:
            raise PolicyError(f"unknown field; known are {', '.join(_KNOWN)}", file=file, field=name)
    if document.get("policy") != VERSION or isinstance(document.get("policy"), bool):
        raise PolicyError(f"write policy = {VERSION} (the version of this format)", file=file, field="policy")
    speculation, predictor = document.get("speculation", True), document.get("predictor", "pattern")
    if not isinstance(speculation, bool):
        raise PolicyError("must be true or false", file=file, field="speculation")
    if not isinstance(predictor, str) or not predictor:
        raise PolicyError('must be the name of a predictor, as in "pattern"', file=file, field="predictor")
    return PlanSettings(_policy(document.get("settings", {}), file), speculation, predictor)


def load_policy(path: str | Path) -> Policy:
    """The `Policy` of a policy file. Raises PolicyError."""
    return load_settings(path).policy


def _policy(settings: Any, file: str) -> Policy:
    if not isinstance(settings, dict):
        raise PolicyError("must be a table, [settings]", file=file, field="settings")
    known = {field.name: getattr(Policy(), field.name) for field in fields(Policy)}
    for name, given in settings.items():
        where = f"settings.{name}"
        if name not in known:
            raise PolicyError(f"unknown field; known are {', '.join(sorted(known))}", file=file, field=where)
        usual = known[name]
        # What has no limit by default takes any number; of the rest, a field's own kind.
        kinds = (int, float) if usual is None or isinstance(usual, float) else (type(usual),)
        if not isinstance(given, kinds) or (isinstance(given, bool) and bool not in kinds):
            raise PolicyError(f"must be {' or '.join(kind.__name__ for kind in kinds)}", file=file, field=where)
    try:
        return Policy(**settings)
    except ValueError as error:
        raise PolicyError(str(error), file=file, field="settings") from error


def policy_path(plan: str | Path) -> Path:
    """Where the settings of a plan stand: OUT.toml → OUT.policy.toml."""
    path = Path(plan)
    return path.with_name(f"{path.stem}.policy.toml")


def write_plan(audit: Audit, path: str | Path) -> tuple[Path, Path]:
    """Write the manifest and the settings. Raises SpeculateError where a file cannot be written."""
    manifest_path, settings_path = Path(path), policy_path(path)
    if manifest_path.suffix.casefold() != ".toml":
        raise SpeculateError(f"--plan {path}: name a .toml file")
    for target, text in ((manifest_path, manifest_text(audit)), (settings_path, settings_text(audit))):
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SpeculateError(f"--plan {target}: cannot be written: {error.strerror or error}") from error
    return manifest_path, settings_path


def manifest_text(audit: Audit) -> str:
    """The manifest: what was declared, with guards; what was not, proposed but not yet allowed to start early."""
    specs: list[ToolSpec] = []
    comments: dict[str, list[str]] = {
        "": [
            "Written by `speculate audit --plan`. Read it, change it, keep it: a person's file decides.",
            "What is marked PROPOSED was concluded from names alone and starts nothing early until you say so.",
        ]
    }
    collected = audit.collected
    for tool, tally in sorted(collected.tallies.tools.items()):
        proposal = collected.specs.proposals.get(tool)
        spec = proposal.spec if proposal is not None else collected.specs.get(tool)
        if spec is None:
            continue
        notes: list[str] = []
        if proposal is not None:
            notes.append(f"PROPOSED: {proposal.why}; {tally.calls} calls seen.")
            notes += [f"Review: {question}" for question in proposal.review]
            if spec.effect is Effect.READ:
                spec = replace(spec, speculate=False)
                notes.append("Then take out speculate = false.")
        spec, guard = _guarded(spec, guard_key(tally), audit)
        specs.append(spec)
        if notes or guard:
            comments[tool] = notes + guard
    seen = {spec.name for spec in specs}
    specs += [spec for tool, spec in collected.specs.items() if tool not in seen and spec.declared]
    return Manifest(specs, name=_name(audit)).to_toml(comments)


def _guarded(spec: ToolSpec, key: str | None, audit: Audit) -> tuple[ToolSpec, list[str]]:
    """The entry with a dedup key where a write lacks one and its arguments give one."""
    if spec.effect is not Effect.WRITE or spec.idempotent or spec.dedup_key is not None or spec.when:
        return spec, []
    retry = audit.collected.tallies.retries.get(spec.name)
    seen = "" if retry is None else f" ({retry.after_failure + retry.after_success} repeats seen)"
    if key is None:
        return spec, [f"NO GUARD: its arguments vary from call to call{seen}; name those that identify a call."]
    return replace(spec, dedup_key=key), [
        f"GUARD: an exact repeat within a session returns the first outcome{seen}; narrow the key if you can."
    ]


def _name(audit: Audit) -> str:
    return audit.collected.specs.name or Path(audit.traces[0]).name.partition(".")[0]


def settings_text(audit: Audit) -> str:
    """The settings: those the audit replayed, switched on only where speculation pays."""
    outcomes = remedies(audit)
    advice = recommend(audit, outcomes)
    pays = any(one.kind == "speculate" for one in advice)
    policy = audit.settings.policy
    settings = {field.name: getattr(policy, field.name) for field in fields(Policy)}
    if audit.speculated is not None and (peak := _peak_in_flight(audit.speculated)):
        # No session of the replay had more in flight, so this limit takes nothing away and contains what goes wrong.
        settings["max_in_flight_per_session"] = min(policy.max_in_flight_per_session, peak)
    lines = [
        "# Written by `speculate audit --plan`. Load it with speculate.audit.plan.load_settings(path).",
        *(f"# {line}" for line in _wrapped(one.why for one in advice)),
        f"policy = {VERSION}",
        f"speculation = {value(pays)}",
        f"predictor = {value(audit.settings.predictor)}",
        "",
        "[settings]",
        *_lines(settings),
    ]
    return "\n".join(lines) + "\n"


def _peak_in_flight(speculated: Speculated) -> int:
    """The most launches that any replayed session had running at once."""
    peak = 0
    for retired in {id(arms.speculative): arms.speculative.retired for arms in speculated.alone.arms.values()}.values():
        changes: dict[str, list[tuple[float, int]]] = {}
        for launch in retired:
            ended = launch.at if launch.ran_s is None else launch.launched_at + launch.ran_s
            changes.setdefault(launch.session, []).extend([(launch.launched_at, 1), (ended, -1)])
        for events in changes.values():
            running = 0
            for _, change in sorted(events):
                running += change
                peak = max(peak, running)
    return peak


def _lines(settings: Mapping[str, Any]) -> list[str]:
    """One line a field; TOML has no null, so a limit that is not set is left out."""
    return [f"{name} = {value(given)}" for name, given in settings.items() if given is not None]


def _wrapped(texts: Iterable[str], width: int = 110) -> list[str]:
    lines: list[str] = []
    for text in texts:
        line = ""
        for word in text.split():
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        lines.append(line)
    return lines
