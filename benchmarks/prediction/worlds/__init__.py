"""Made-up agents over made-up tools: what the predictor makes of worlds nobody tuned it for."""

from benchmarks.prediction.worlds.board import BOARD
from benchmarks.prediction.worlds.coding import CODING
from benchmarks.prediction.worlds.desk import DESK
from benchmarks.prediction.worlds.saas import SAAS
from benchmarks.prediction.worlds.story import Story, Told, World
from benchmarks.prediction.worlds.web import WEB

WORLDS: dict[str, World] = {world.name: world for world in (CODING, SAAS, DESK, WEB, BOARD)}

__all__ = ["WORLDS", "Story", "Told", "World"]
