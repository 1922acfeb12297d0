"""Readers of what a planner writes, fed piece by piece; a task comes out as soon as its line is complete."""

from speculate.plan.readers.calls import CallsReader
from speculate.plan.readers.jsonlines import JsonLinesReader
from speculate.plan.readers.lines import Item, Join, Malformed, Reader
from speculate.plan.readers.numbered import NumberedReader

__all__ = ["CallsReader", "Item", "Join", "JsonLinesReader", "Malformed", "NumberedReader", "Reader"]
