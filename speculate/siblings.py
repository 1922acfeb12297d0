"""The packages that come with this one, and the check that they are the ones imported.

`predictors` and `toolspecs` are plain names: a folder of that name beside a user's program shadows them.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Literal

from speculate.errors import SpeculateError


def sibling(name: Literal["predictors", "toolspecs"], beside: Path | None = None) -> ModuleType:
    """Import one of our own packages by name.

    `beside` is the folder it must stand in (default: the one this package stands in).

    Raises:
        SpeculateError: another module of that name was found first, or none; the message says where and the mend.
    """
    beside = Path(__file__).resolve().parent.parent if beside is None else beside.resolve()
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise SpeculateError(f"the package {name!r} is not installed; reinstall speculate-runtime") from None
    found = module.__file__
    if found is None or Path(found).resolve().parent.parent != beside:
        where = found or ", ".join(getattr(module, "__path__", ["nowhere"]))
        raise SpeculateError(
            f"{name!r} at {where} is not the package that comes with speculate-runtime but shadows it; rename that "
            "folder or file, or run from another folder"
        )
    return module
