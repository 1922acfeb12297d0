"""The training report as one HTML file: no script, nothing loaded from anywhere."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from speculate.errors import MissingExtra

_SAID, _CAME, _POINT = "#3b6fb6", "#b5482f", "#1d1d1f"

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1d1d1f; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.note { color: #55585f; max-width: 46rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .8rem .28rem 0; text-align: right; border-bottom: 1px solid #e4e5e8; }
th:first-child, td:first-child, td.name, th.name { text-align: left; }
th { font-weight: 600; color: #55585f; vertical-align: bottom; }
.tiles { display: flex; flex-wrap: wrap; gap: 1.6rem; margin: 1.2rem 0; }
.tiles b { display: block; font-size: 1.5rem; font-weight: 600; } .tiles span { color: #55585f; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
figure { margin: 0; } .figures { display: flex; flex-wrap: wrap; gap: 1rem; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="note">{{ subtitle }}</p>
<div class="tiles">
{% for name, value in tiles %}<div><b>{{ value }}</b><span>{{ name }}</span></div>
{% endfor %}</div>

<h2>Do probabilities mean what they say?</h2>
<p class="note">Every prediction by what was said. On the diagonal, seven of ten things said at 70 % happen. A larger
dot stands for more predictions. Mean distance: {{ percent(next_error) }} for the next turn
(<code>p_next</code>), {{ percent(use_error) }} for a use while fresh (<code>p_use</code>).</p>
<div class="figures"><figure>{{ reliability }}</figure></div>

<h2>What would be launched</h2>
<p class="note">For every threshold on <code>p_use</code>: the share of calls that could be served (coverage) and the
share of launches that would be used (precision), counted in turns, without budgets or limits. The marked point is what
admission would choose ({{ tradeoff.admission.rule }} rule): coverage {{ percent(tradeoff.admission.coverage) }},
precision {{ percent(tradeoff.admission.precision) }}, {{ number(tradeoff.admission.waste_per_hit) }} wasted launches a
hit.</p>
<div class="figures"><figure>{{ curve }}</figure></div>

<h2>By tool</h2>
<p class="note">exact@k: over real calls that could be launched, the share whose whole call, arguments included, was
among the first k guesses. Break-even: the least probability at which a launch pays.</p>
<div class="wide"><table><tr><th>tool</th><th>calls</th><th>could be launched</th><th>exact@1</th><th>exact@3</th>
<th>exact@5</th><th>break-even</th></tr>
{% for tool, row in tools.items() %}<tr><td>{{ tool }}</td><td>{{ row.calls }}</td><td>{{ row.speculable_calls }}</td>
<td>{{ percent(row["exact@1"]) }}</td><td>{{ percent(row["exact@3"]) }}</td><td>{{ percent(row["exact@5"]) }}</td>
<td>{{ percent(tradeoff.admission.break_even.get(tool)) }}</td></tr>
{% endfor %}</table></div>

<h2>By argument, and where the misses are</h2>
<p class="note">Among the guesses of the right tool: was the value in the first, or the first three? A missed value was
<i>not in history</i> (nothing could have copied it), was there but <i>no rule</i> took it, or a guess had it and was
<i>ranked low</i>; or the <i>tool</i> was not guessed at all.</p>
<div class="wide"><table><tr><th>tool</th><th class="name">argument</th><th>values</th><th>first</th><th>first 3</th>
<th>not in history</th><th>no rule</th><th>ranked low</th><th>tool not guessed</th></tr>
{% for row in arguments %}<tr><td>{{ row.tool }}</td><td class="name">{{ row.argument }}</td>
<td>{{ row["values"] }}</td><td>{{ percent(row["exact@1"]) }}</td><td>{{ percent(row["exact@3"]) }}</td>
<td>{{ row.misses["not in history"] }}</td>
<td>{{ row.misses["no rule finds it"] }}</td><td>{{ row.misses["ranked too low"] }}</td>
<td>{{ row.misses["tool not expected"] }}</td></tr>
{% endfor %}</table></div>

<h2>Which tool instead</h2>
{% if confusion %}<div class="wide"><table><tr><th>called</th><th class="name">expected</th><th>turns</th></tr>
{% for row in confusion[:20] %}<tr><td>{{ row.tool }}</td><td class="name">{{ row.expected }}</td>
<td>{{ row.turns }}</td></tr>
{% endfor %}</table></div>{% if confusion|length > 20 %}<p class="note">{{ confusion|length - 20 }} rarer pairs are in
the JSON output.</p>{% endif %}
{% else %}<p class="note">The expected tool was the one called, every time.</p>{% endif %}
</body>
</html>
"""


def percent(value: float | None) -> str:
    """A share for people; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A ratio for people; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def _svg(figure: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _reliability(figure: Any, document: Mapping[str, Any]) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#b9bcc3", linewidth=1, zorder=1)
    for name, colour, offset in (("p_next", _SAID, 0), ("p_use", _CAME, 1)):
        rows = [row for row in document[name]["tenths"] if row["count"]]
        most = max((row["count"] for row in rows), default=1)
        axes.scatter(
            [row["said"] for row in rows],
            [row["came"] for row in rows],
            s=[20 + 180 * row["count"] / most for row in rows],
            color=colour, alpha=0.75, label=name, zorder=2 + offset, linewidths=0,
        )  # fmt: skip
        axes.plot([row["said"] for row in rows], [row["came"] for row in rows], color=colour, linewidth=0.8, alpha=0.5)
    axes.set(xlabel="said", ylabel="happened", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    legend = axes.legend(frameon=False, loc="upper left")
    for handle in legend.legend_handles:
        handle.set_sizes([40])
    axes.spines[["top", "right"]].set_visible(False)


def _curve(figure: Any, document: Mapping[str, Any]) -> None:
    axes = figure.add_subplot()
    rows = [row for row in document["curve"] if row["launched"]]
    axes.plot([row["coverage"] for row in rows], [row["precision"] for row in rows], color=_SAID, marker=".")
    shown: list[float] = []
    for row in rows:
        if row["min_probability"] * 100 % 20 == 0 and all(abs(row["coverage"] - other) > 0.03 for other in shown):
            shown.append(row["coverage"])
            axes.annotate(
                f"{row['min_probability']:.1f}", (row["coverage"], row["precision"]), textcoords="offset points",
                xytext=(4, 5), color="#55585f", fontsize=8,
            )  # fmt: skip
    point = document["admission"]
    if point["launched"]:
        axes.scatter([point["coverage"]], [point["precision"]], color=_POINT, s=60, zorder=3, label="admission")
        axes.legend(frameon=False, loc="lower left")
    axes.set(xlabel="coverage of calls", ylabel="precision of launches", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.spines[["top", "right"]].set_visible(False)


def render(document: Mapping[str, Any]) -> str:
    """The report of a training run's JSON document, which must have been judged. Raises MissingExtra."""
    try:
        import jinja2
        import matplotlib as mpl
        from markupsafe import Markup
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra((error.name or "").partition(".")[0], "report", "the training report") from error
    judged = document["judged"]
    with mpl.rc_context({"svg.hashsalt": "speculate", "font.size": 10, "svg.fonttype": "none"}):
        drawings = []
        for draw, of, width in (
            (_reliability, judged["reliability"], 5.2),
            (_curve, judged["tradeoff"], 6.4),
        ):
            figure = Figure(figsize=(width, 4.6), layout="constrained")
            draw(figure, of)
            drawings.append(_svg(figure))
    trained, scores = document["trained"], judged["prediction"]
    learned = "Trained before" if document["merged"] else "Untrained"
    if trained is not None:
        learned = f"Trained on {trained['sessions']:,} runs with {trained['calls']:,} calls"
    page = jinja2.Environment(autoescape=True).from_string(_TEMPLATE)
    return page.render(
        title=f"The {document['predictor']} predictor",
        subtitle=f"{learned}, judged on {judged['sessions']:,} runs with {judged['calls']:,} calls it had not seen; "
        f"{judged['speculable_calls']:,} of them could be launched early.",
        tiles=[
            ("exact@1", percent(scores["exact@1"])),
            ("exact@3", percent(scores["exact@3"])),
            ("exact@5", percent(scores["exact@5"])),
            ("tool@1", percent(scores["tool@1"])),
            ("Brier score", "–" if scores["brier"] is None else f"{scores['brier']:.4f}"),
        ],
        reliability=Markup(drawings[0]),  # noqa: S704  # drawn here: no text of the runs is in it
        curve=Markup(drawings[1]),  # noqa: S704  # likewise
        next_error=judged["reliability"]["p_next"]["error"],
        use_error=judged["reliability"]["p_use"]["error"],
        tradeoff=judged["tradeoff"],
        tools=judged["tools"],
        arguments=judged["arguments"],
        confusion=judged["confusion"],
        percent=percent,
        number=number,
    )
