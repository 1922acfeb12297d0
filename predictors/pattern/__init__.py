"""Patterns: which tool follows which context, and where each argument's value comes from."""

from predictors.pattern.predictor import PatternPredictor

__all__ = ["PatternPredictor"]
