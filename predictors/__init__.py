"""Who guesses the next calls: predictors behind one protocol, and the model files they are kept in."""

from predictors.calibration import Calibrator
from predictors.markov import MarkovPredictor
from predictors.merging import merge
from predictors.mixture import Mixture
from predictors.modelfile import load_predictor, save_predictor
from predictors.openai_drafter import OpenAIDrafter
from predictors.pattern import PatternPredictor
from predictors.recorded import RecordedDrafter, RecordedDraftPredictor, RecordedGuesses, read_drafts
from predictors.registry import KINDS, Model, TrainableModel, UnknownPredictor, create, predictor_class
from predictors.repeat import RepeatPredictor
from predictors.tournament import Tournament

__all__ = [
    "KINDS",
    "Calibrator",
    "MarkovPredictor",
    "Mixture",
    "Model",
    "OpenAIDrafter",
    "PatternPredictor",
    "RecordedDraftPredictor",
    "RecordedDrafter",
    "RecordedGuesses",
    "RepeatPredictor",
    "Tournament",
    "TrainableModel",
    "UnknownPredictor",
    "create",
    "load_predictor",
    "merge",
    "predictor_class",
    "read_drafts",
    "save_predictor",
]
