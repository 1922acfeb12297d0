"""Prometheus metrics of the funnel, from prediction to delivered result. The names are listed in docs/metrics.md."""

from speculate.metrics.catalogue import METRICS, Metric
from speculate.metrics.prometheus import PrometheusMetrics
from speculate.metrics.server import MetricsServer, serve

__all__ = ["METRICS", "Metric", "MetricsServer", "PrometheusMetrics", "serve"]
