"""The suite's sessions run over fake tools, on the virtual clock."""

from tests.over_fakes import run

__all__ = ["run"]
