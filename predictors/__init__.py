"""Who guesses the next calls: predictors behind one protocol, and the model files they are kept in."""

from predictors.markov import MarkovPredictor
from predictors.modelfile import load_predictor, save_predictor
from predictors.registry import KINDS, Model, TrainableModel, UnknownPredictor, create, predictor_class
from predictors.repeat import RepeatPredictor

__all__ = [
    "KINDS",
    "MarkovPredictor",
    "Model",
    "RepeatPredictor",
    "TrainableModel",
    "UnknownPredictor",
    "create",
    "load_predictor",
    "predictor_class",
    "save_predictor",
]
