"""Manifests that come with the package, for tool sets people really use."""

from __future__ import annotations

from importlib import resources

from speculate.errors import ManifestError
from toolspecs.manifest import Manifest


def ready_names() -> tuple[str, ...]:
    """The names `ready` knows, sorted."""
    folder = resources.files("toolspecs") / "ready"
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def ready(name: str) -> Manifest:
    """A ready manifest by name, such as "mcp-git". Raises ManifestError for a name there is none of.

    Under a client that prefixes names: `ready("mcp-git").prefixed("git__")`. To change an entry, put your own on
    the right: `ready("mcp-git") | Manifest.load("mine.toml")`.
    """
    return Manifest.loads(ready_text(name), f"{name}.toml")


def ready_text(name: str) -> str:
    """The file behind `ready(name)`, comments and all, to start one's own from. Raises ManifestError."""
    names = ready_names()
    if name not in names:
        raise ManifestError(f"there is no ready manifest {name!r}; there are {', '.join(names) or 'none'}")
    return (resources.files("toolspecs") / "ready" / f"{name}.toml").read_text(encoding="utf-8")
