"""The two packages that are installed beside this one: `predictors` and `toolspecs`.

Their names are plain, so a user's own folder of that name may be found first. Whoever needs one of them asks here.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from speculate.errors import SpeculateError


class ShadowedPackage(SpeculateError, ImportError):
    """A package of this distribution is hidden by another one of the same name."""

    def __init__(self, package: str, found: str) -> None:
        self.package, self.found = package, found
        super().__init__(
            f"the package {package!r} that Python finds first is {found}, not the one of speculate-runtime: "
            "rename yours, or take its folder off PYTHONPATH (or out of the working directory)"
        )


def sibling(package: str) -> ModuleType:
    """Import `predictors` or `toolspecs`, making sure that it is ours. Raises ShadowedPackage.

    All three packages are one distribution, so they always stand in one folder.
    """
    here = Path(__file__).resolve().parent.parent
    module = importlib.import_module(package)
    file = getattr(module, "__file__", None)
    if file is None or Path(file).resolve().parent.parent != here:
        paths = list(getattr(module, "__path__", []))
        raise ShadowedPackage(package, file or (paths[0] if paths else "a package without files"))
    return module
