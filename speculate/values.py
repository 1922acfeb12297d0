"""Frozen values that are quick to make.

A frozen dataclass sets each field through `object.__setattr__`, a look-up and a call apiece, and making its values
is a good part of what a call through the runtime costs. Here a value is filled in while it is of a twin class, of
the same slots but open, and frozen by giving it its own class: half the time for five fields, and as frozen as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Make a dataclass's values quick to make: put it above `@dataclass(frozen=True, slots=True)`.

    Raises TypeError for a class it cannot do this to: one that is not frozen or slotted, inherits fields, or has a
    `__post_init__` or fields that are not given to its `__init__`.
    """
    found = fields(cls)  # type: ignore[arg-type]  # raises TypeError if it is no dataclass
    names = [each.name for each in found]
    is_frozen = getattr(cls, "__dataclass_params__").frozen  # noqa: B009  # not in typeshed
    slots = cls.__dict__.get("__slots__")
    plain = all(each.init and not each.kw_only for each in found) and not hasattr(cls, "__post_init__")
    if not (is_frozen and plain and slots is not None and list(slots) == names):
        raise TypeError(f"{cls.__name__} is not a frozen, slotted dataclass of plain fields")
    twin = type(cls.__name__, (), {"__slots__": tuple(names), "__module__": cls.__module__})
    scope: dict[str, Any] = {"_cls": cls, "_twin": twin, "_set": object.__setattr__, "_missing": MISSING}
    given, lines = [], ["    _set(self, '__class__', _twin)"]
    for each in found:
        name = each.name
        if each.default is not MISSING:
            scope[f"_{name}"] = each.default
            given.append(f"{name}=_{name}")
            lines.append(f"    self.{name} = {name}")
        elif each.default_factory is not MISSING:
            scope[f"_{name}"] = each.default_factory
            given.append(f"{name}=_missing")
            lines.append(f"    self.{name} = _{name}() if {name} is _missing else {name}")
        else:
            given.append(name)
            lines.append(f"    self.{name} = {name}")
    lines.append("    self.__class__ = _cls")
    source = "\n".join([f"def __init__(self, {', '.join(given)}):", *lines])
    exec(source, scope)  # noqa: S102  # of field names alone, as dataclasses itself does it
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = dict(getattr(cls, "__init__").__annotations__)  # noqa: B009  # mypy: unsound on instances
    setattr(cls, "__init__", made)  # noqa: B010  # as above
    return cls
