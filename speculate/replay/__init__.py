"""Replay: what speculation would have done on recorded runs, through the real runtime on a virtual clock."""

from speculate.replay.driver import Arm, ArmRun, SessionRun, Stage, run_arm
from speculate.replay.fit import Distribution, Empirical, Lognormal, Sample, fit
from speculate.replay.latency import LatencyModel, Profile, ProfileError, load_profile, profile_names
from speculate.replay.running import Replay, ReplaySettings, replay, train_predictor
from speculate.replay.script import SessionScript, write_scripts
from speculate.replay.world import Safety, World

__all__ = [
    "Arm",
    "ArmRun",
    "Distribution",
    "Empirical",
    "LatencyModel",
    "Lognormal",
    "Profile",
    "ProfileError",
    "Replay",
    "ReplaySettings",
    "Safety",
    "Sample",
    "SessionRun",
    "SessionScript",
    "Stage",
    "World",
    "fit",
    "load_profile",
    "profile_names",
    "replay",
    "run_arm",
    "train_predictor",
    "write_scripts",
]
