"""A plan's toolbox, read off the runtime behind a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from speculate.fanout.host import runtime_of
from speculate.plan.schema import ToolSchema, of_callable
from speculate.plan.toolbox import DEFAULT_SECONDS, Toolbox

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime
    from speculate.runtime.session import Session

_known: WeakKeyDictionary[Any, ToolSchema] = WeakKeyDictionary()


class _Schemas(Mapping[str, ToolSchema]):
    """The schemas of a runtime's tools, read from their signatures when they are first asked for."""

    def __init__(self, runtime: Runtime) -> None:
        self._tools = runtime.tools

    def __getitem__(self, name: str) -> ToolSchema:
        function = self._tools[name].function
        try:
            if function not in _known:
                _known[function] = of_callable(function)
            return _known[function]
        except TypeError:  # a callable that cannot be remembered
            return of_callable(function)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)


class _Seconds(Mapping[str, float]):
    """The tools' recorded median durations."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getitem__(self, name: str) -> float:
        seconds = self._runtime.brain.latencies.quantile(name, 0.5)
        if seconds is None:
            raise KeyError(name)
        return seconds

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._runtime.tools if self._runtime.brain.latencies.quantile(name, 0.5) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def toolbox_of(session: Session, schemas: Mapping[str, ToolSchema] | None = None) -> Toolbox:
    """The tools of the session's runtime: specs, schemas from the signatures (or as given), recorded latencies."""
    runtime = runtime_of(session)
    return Toolbox(
        specs={name: runtime.spec(name) for name in runtime.tools},
        names=frozenset(runtime.tools),
        schemas={**_Schemas(runtime), **schemas} if schemas is not None else _Schemas(runtime),
        seconds=_Seconds(runtime),
        default_s=DEFAULT_SECONDS,
    )
