"""The command `speculate`. `main` is the entry point; each command is a module of its own name."""

from speculate.cli.app import main

__all__ = ["main"]
