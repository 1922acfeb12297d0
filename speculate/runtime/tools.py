"""The callables behind the names: async, sync (in threads), or abortable in three steps."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future as ThreadFuture
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from speculate.errors import ManifestError

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class AbortableTool:
    """A tool in three async steps, so that it can be staged early and applied only for the real call.

    prepare(**arguments) -> staged: does the slow part, changes nothing others can see, holds no lock others could
    wait for. commit(staged) -> result: validates and applies in one short step; raises CommitConflict if what was
    staged is out of date. abort(staged): forgets it; must not fail.
    """

    prepare: Callable[..., Coroutine[Any, Any, Any]]
    commit: Callable[[Any], Coroutine[Any, Any, Any]]
    abort: Callable[[Any], Coroutine[Any, Any, Any]]

    def __post_init__(self) -> None:
        for name in ("prepare", "commit", "abort"):
            if not inspect.iscoroutinefunction(_unwrap(getattr(self, name))):
                raise ManifestError(f"{name} must be an async function: a thread cannot be aborted", field=name)


def _unwrap(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isfunction(function) or inspect.ismethod(function) or inspect.isbuiltin(function):
        return function
    return getattr(function, "__call__", function)  # noqa: B004  # an instance's own: what an async callable object has


@dataclass(frozen=True, slots=True)
class Tool:
    """One registered tool. `is_sync`: it blocks, so it runs in a thread and cannot be aborted."""

    name: str
    function: Callable[..., Any]
    is_sync: bool
    abortable: AbortableTool | None = None


def register(name: str, function: Any) -> Tool:
    """Wrap what the user gave. Raises ManifestError if it cannot be called."""
    if isinstance(function, AbortableTool):
        return Tool(name, function.prepare, is_sync=False, abortable=function)
    if not callable(function):
        raise ManifestError(f"the tool is not callable: {function!r}", tool=name)
    return Tool(name, function, is_sync=not inspect.iscoroutinefunction(_unwrap(function)))


def collect(tools: Mapping[str, Any] | Iterable[Any]) -> dict[str, Tool]:
    """Tools by name; from an iterable the functions' own names. Raises ManifestError for two of one name."""
    if isinstance(tools, Mapping):
        return {name: register(name, function) for name, function in tools.items()}
    out: dict[str, Tool] = {}
    for function in tools:
        spec = getattr(function, "__speculate_spec__", None)
        name = spec.name if spec is not None else getattr(function, "__name__", None)
        if not name:
            raise ManifestError(f"{function!r} has no name; pass a mapping of names to tools")
        if name in out:
            raise ManifestError("two tools have this name; pass a mapping of names to tools", tool=name)
        out[name] = register(name, function)
    return out


def arguments_of(tools: Iterable[Tool]) -> dict[str, dict[str, bool]]:
    """What arguments these tools take, as far as their signatures tell, and whether they must be given."""
    found: dict[str, dict[str, bool]] = {}
    for tool in tools:
        try:
            parameters = inspect.signature(tool.function).parameters.values()
        except (TypeError, ValueError):  # written in C, without a signature
            continue
        if all(each.kind in NAMED for each in parameters):  # else it takes more than it tells
            found[tool.name] = {each.name: each.default is each.empty for each in parameters}
    return found


def run_in_thread(function: Callable[[], Any], context: Context, name: str) -> ThreadFuture[Any]:
    """Run a blocking guess in a daemon thread of its own.

    Not an executor: guesses must never queue behind each other, and a guess that hangs must not keep the
    interpreter from exiting, which an executor's threads do.
    """
    future: ThreadFuture[Any] = ThreadFuture()

    def work() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:  # handed to the waiter, whatever it is
            future.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future


async def invoke(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call an async tool; a sync callable that returns an awaitable is awaited too."""
    value = function(**arguments)
    if inspect.isawaitable(value):
        return await value
    return value


def own(value: Any) -> Any:
    """A copy of JSON arguments: a tool may change what it is given, and a caller what it gave."""
    if type(value) is dict:
        return {key: own(item) for key, item in value.items()}
    if type(value) is list:
        return [own(item) for item in value]
    return value


def call_blocking(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a sync tool in a thread. No future can carry a StopIteration: its waiter would wait for ever."""
    try:
        return function(**arguments)
    except StopIteration as error:
        raise RuntimeError("the tool raised StopIteration") from error


def throttled_s(error: BaseException) -> float | None:
    """Seconds to stay away if the error says "too many requests" (HTTP 429), else None."""
    try:
        return _throttled_s(error)
    except Exception:  # an error's own attributes may raise; then it says nothing
        return None


def _throttled_s(error: BaseException) -> float | None:
    """Looks for `status_code`/`status`/`code` 429 on the error or its `response`, and for `retry_after` in seconds
    or a Retry-After header.
    """
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status_code", "status", "code"):
            if getattr(holder, name, None) == 429:
                return _retry_after_s(error, response)
    if getattr(error, "retry_after", None) is not None or getattr(error, "retry_after_s", None) is not None:
        return _retry_after_s(error, response)
    return None


def _retry_after_s(error: BaseException, response: Any) -> float:
    headers: Any = getattr(response, "headers", None) or getattr(error, "headers", None)
    header = headers.get("Retry-After") if hasattr(headers, "get") else None
    for value in (getattr(error, "retry_after_s", None), getattr(error, "retry_after", None), header):
        try:
            seconds = float(value)  # type: ignore[arg-type]  # None and foreign types raise, and are passed over
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return 0.0
