"""Needs an environment of its own: see requirements.txt."""
