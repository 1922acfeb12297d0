"""Patterns: which tool follows which context, and where each of its arguments comes from.

An event is *indexed* once (`indexing`, `text`, `flatten`): what values it offers, under which path, and how it counts
as context. A session's *state* (`state`, `records`) keeps the values in pools by path, and which of them were used:
a *slot* names a value by its rank ("next unused", "mentioned, unused", "used last"). Arguments that are objects or
lists count as one argument for each value in them (`nesting`). Learning (`learning`) only
counts: which tools a turn called in which context, which slots and joint records the arguments came from, which
constants, changes and templates gave the rest; counts add up exactly (`counts`), and values stay sealed until enough
tenants showed them (`vault`). Predicting (`guessing`) turns the counts into whole calls; two regressions fitted on a
sample of value-free sessions (`digest`, `training`, `calibration`) turn raw chances into `p_next` and `p_use`.
"""

from predictors.pattern.explaining import Rule
from predictors.pattern.predictor import PatternPredictor

__all__ = ["PatternPredictor", "Rule"]
