"""Report: one self-contained page about an audit or a replay. `speculate.report.page` needs the extra `report`."""

from speculate.report.inputs import ReportError, Source, load

__all__ = ["ReportError", "Source", "load"]
