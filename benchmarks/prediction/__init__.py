"""Prediction quality: scores, errors, reliability, ablation, learning curve. `python -m benchmarks.prediction`."""
