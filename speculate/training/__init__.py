"""Training and judging predictors on recorded runs."""
