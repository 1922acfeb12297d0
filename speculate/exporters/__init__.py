"""Trace v1 to other people's formats: OTLP JSON (GenAI attributes) and Perfetto."""

from speculate.exporters.otlp import export_otlp
from speculate.exporters.perfetto import export_perfetto

__all__ = ["export_otlp", "export_perfetto"]
