"""Audit: where recorded runs spend their time, what each remedy would give, and when to leave them as they are."""

from speculate.audit.auditing import Audit, AuditSettings, audit
from speculate.audit.document import document
from speculate.audit.edges import EdgesError, load_edges

__all__ = ["Audit", "AuditSettings", "EdgesError", "audit", "document", "load_edges"]
