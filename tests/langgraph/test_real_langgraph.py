"""Plans as LangGraph graphs once more, in an environment that has the real LangGraph."""

from __future__ import annotations

import pytest

pytest.importorskip("langgraph.graph", reason="LangGraph is not installed; see tests/langgraph/requirements.txt")

from tests.plan.test_langgraph import *  # noqa: F403  # the same tests, there with a fake where it is missing
