"""What each tool does to the world: manifests, their loader, ready manifests.

manifest = Manifest.load("shop.toml")
manifest = ready("mcp-git") | Manifest.load("mine.toml")
"""

from toolspecs.manifest import Manifest
from toolspecs.problems import ManifestProblems
from toolspecs.ready_manifests import ready, ready_names, ready_text

__all__ = ["Manifest", "ManifestProblems", "ready", "ready_names", "ready_text"]
