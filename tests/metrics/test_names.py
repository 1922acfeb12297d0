"""The dashboard and the reference use exactly the names that are exposed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from speculate.metrics import METRICS
from speculate.metrics.catalogue import reference

ROOT = Path(__file__).parents[2]
NAMES = {metric.name: metric for metric in METRICS}
EXPOSED = {
    name + part: metric
    for name, metric in NAMES.items()
    for part in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
}


def queries() -> list[str]:
    dashboard = json.loads((ROOT / "dashboards" / "grafana.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_uses_only_names_that_exist():
    """Each metric a panel asks for is exposed under that very name, and each metric has a panel."""
    asked = {name for query in queries() for name in re.findall(r"speculate_\w+", query)}
    assert asked <= EXPOSED.keys()
    assert {EXPOSED[name].name for name in asked} == NAMES.keys()


def test_the_dashboard_uses_only_labels_that_exist():
    """Each label a query filters by is a label of that metric."""
    for query in queries():
        for name, filters in re.findall(r"(speculate_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)=", filters)) <= set(EXPOSED[name].labels)
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")} - {"le"}
        (metric,) = {EXPOSED[name].name for name in re.findall(r"speculate_\w+", query)}
        assert grouped <= set(NAMES[metric].labels)


def test_the_dashboard_has_no_overlapping_panels():
    """Panels have ids of their own and lie within the 24 columns, none over another."""
    panels = json.loads((ROOT / "dashboards" / "grafana.json").read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & mine
        cells |= mine


def test_the_reference_lists_every_metric():
    """docs/metrics.md holds the table made from the catalogue, word for word."""
    assert reference() in (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
