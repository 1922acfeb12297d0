"""Times: recorded where they were recorded, otherwise drawn from what the tool took elsewhere, or a profile.

A profile is a small TOML file (profile = 1): `[model]` and `[default_tool]` with `median_s` and `sigma` of a
lognormal, optionally `max_s`; `[tools.NAME]` for single tools, where NAME may hold `*` and `?` (an exact name wins,
then the first pattern that matches, letter case aside). Three come with the package: support, research, coding.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from speculate.errors import SpeculateError
from speculate.replay.fit import Distribution, Lognormal, Sample, fit, result_size
from speculate.replay.sampling import uniform
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, ResultArrived

DEFAULT_PROFILE = "support"
_VERSION = 1


class ProfileError(SpeculateError):
    """A latency profile is wrong. Names the file and the field."""

    def __init__(self, problem: str, *, file: str, field: str | None = None) -> None:
        self.problem, self.file, self.field = problem, file, field
        super().__init__(f"{file}, field {field!r}: {problem}" if field is not None else f"{file}: {problem}")


@dataclass(frozen=True, slots=True)
class Profile:
    """Lognormal times of the model and of tools, for runs whose times were not recorded."""

    name: str
    model: Lognormal
    default_tool: Lognormal
    tools: Mapping[str, Lognormal] = field(default_factory=dict)

    def tool(self, name: str) -> Lognormal:
        """The times of one tool."""
        exact = self.tools.get(name)
        if exact is not None:
            return exact
        lower = name.casefold()
        for pattern, times in self.tools.items():
            if fnmatchcase(lower, pattern.casefold()):
                return times
        return self.default_tool


def profile_names() -> tuple[str, ...]:
    """The profiles that come with the package."""
    folder = resources.files("speculate.replay") / "profiles"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_profile(name_or_path: str | Path = DEFAULT_PROFILE) -> Profile:
    """A profile of the package by name, or a TOML file. Raises ProfileError naming file and field."""
    text = str(name_or_path)
    if text in profile_names():
        source = resources.files("speculate.replay") / "profiles" / f"{text}.toml"
        return parse_profile(source.read_text(encoding="utf-8"), f"profile {text}")
    try:
        content = Path(text).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        raise ProfileError(
            f"cannot be read ({reason}); name a TOML file or one of {', '.join(profile_names())}", file=text
        ) from error
    return parse_profile(content, text)


def parse_profile(text: str, file: str) -> Profile:
    """A profile from TOML text. Raises ProfileError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"not TOML: {error}", file=file) from error
    unknown = sorted(set(document) - {"profile", "name", "model", "default_tool", "tools"})
    if unknown:
        raise ProfileError(
            "unknown field; known are profile, name, model, default_tool, tools", file=file, field=unknown[0]
        )
    if document.get("profile") != _VERSION or isinstance(document.get("profile"), bool):
        raise ProfileError(f"write profile = {_VERSION} (the version of this format)", file=file, field="profile")
    name = document.get("name", Path(file).stem)
    if not isinstance(name, str):
        raise ProfileError("must be text", file=file, field="name")
    tools = document.get("tools", {})
    if not isinstance(tools, dict):
        raise ProfileError("must be a table, as in [tools.search]", file=file, field="tools")
    return Profile(
        name=name,
        model=_lognormal(document.get("model"), file, "model"),
        default_tool=_lognormal(document.get("default_tool"), file, "default_tool"),
        tools={tool: _lognormal(entry, file, f"tools.{tool}") for tool, entry in tools.items()},
    )


def _lognormal(entry: Any, file: str, where: str) -> Lognormal:
    if not isinstance(entry, dict):
        raise ProfileError("write a table with median_s and sigma", file=file, field=where)
    for name in entry:
        if name not in ("median_s", "sigma", "max_s"):
            raise ProfileError("unknown field; known are median_s, sigma, max_s", file=file, field=f"{where}.{name}")
    values: dict[str, float | None] = {"max_s": None}
    for name in ("median_s", "sigma", "max_s"):
        if name not in entry:
            if name == "max_s":
                continue
            raise ProfileError("is missing", file=file, field=f"{where}.{name}")
        value = entry[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise ProfileError(
                f"must be a finite number of at least 0, not {value!r}", file=file, field=f"{where}.{name}"
            )
        values[name] = float(value)
    return Lognormal(values["median_s"] or 0.0, values["sigma"] or 0.0, values["max_s"])


def _seconds(value: Any) -> float | None:
    """A recorded time, if it is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        return None
    return float(value)


def _between(began: Any, ended: Any) -> float | None:
    first, last = _seconds(began), _seconds(ended)
    return None if first is None or last is None else _seconds(last - first)


def recorded_model_s(turn: RecordedTurn) -> float | None:
    """How long the model took: as recorded, or from when it was asked and when its first call was issued."""
    recorded = _seconds(turn.record.llm_s)
    if recorded is not None or not turn.calls:
        return recorded
    return _between(turn.record.at, turn.calls[0].at)


def recorded_tool_s(call: CallIssued, result: ResultArrived | None) -> float | None:
    """How long the tool took: as recorded, or from when it was called and when its result came."""
    if result is None:
        return None
    recorded = _seconds(result.tool_s)
    return recorded if recorded is not None else _between(call.at, result.at)


def samples_by_tool(sessions: Iterable[RecordedSession]) -> dict[str, list[Sample]]:
    """Every recorded time of a tool, with the size of its result."""
    found: dict[str, list[Sample]] = {}
    for session in sessions:
        for turn in session.turns:
            for call in turn.calls:
                result = turn.results.get(call.id)
                seconds = recorded_tool_s(call, result)
                if result is None or seconds is None:
                    continue
                size = result_size(result.result) if result.known and not result.cut else None
                found.setdefault(call.tool, []).append(Sample(seconds, size))
    return found


class LatencyModel:
    """Times for what was not recorded, each drawn by the seed and by what it is for."""

    def __init__(
        self, profile: Profile, fits: Mapping[str, Distribution] | None = None, seed: int = 0, model_scale: float = 1.0
    ) -> None:
        self.profile, self.seed, self.model_scale = profile, seed, model_scale
        self._fits = dict(fits or {})
        self._guesses: dict[tuple[str, str], float] = {}

    @classmethod
    def fitted(
        cls, profile: Profile, sessions: Iterable[RecordedSession], seed: int = 0, model_scale: float = 1.0
    ) -> LatencyModel:
        """Fitted to the times these sessions recorded; the profile stands in for the rest."""
        fits = {tool: fit(samples) for tool, samples in samples_by_tool(sessions).items()}
        return cls(profile, {tool: found for tool, found in fits.items() if found is not None}, seed, model_scale)

    def distribution(self, tool: str) -> Distribution:
        """A tool's times: its recorded ones where there are enough, else the profile's."""
        return self._fits.get(tool) or self.profile.tool(tool)

    def model_s(self, session: str, turn: int) -> float:
        """The model's time for a turn whose time was not recorded (before `model_scale`)."""
        return self.profile.model.draw(uniform(self.seed, "model", session, str(turn)))

    def tool_s(self, tool: str, session: str, call: int, size: int | None = None) -> float:
        """A tool's time for a real call whose time was not recorded."""
        return self.distribution(tool).draw(uniform(self.seed, "tool", session, str(call)), size)

    def guess_s(self, tool: str, session: str, key: str) -> float:
        """A tool's time for a call that the session never makes: the same whenever it is guessed."""
        known = self._guesses.get((session, key))
        if known is None:
            known = self._guesses[session, key] = self.distribution(tool).draw(
                uniform(self.seed, "guess", session, key)
            )
        return known
