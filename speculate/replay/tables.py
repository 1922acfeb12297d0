"""The replay's result for people: tables that fit a hundred columns (needs rich, the extra `cli`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Document = Mapping[str, Any]


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f} s" if value >= 100 else f"{value:.2f} s"


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def print_result(console: Console, document: Document, profile: str) -> None:
    """Everything but `overhead`'s details and the frontier's, which have tables of their own."""
    console.print(
        f"{document['sessions']:,} sessions, {document['calls']:,} calls, "
        f"{document['speculable_calls']:,} of them may be started early."
    )
    if document["modelled"]:
        console.print(f"Times that were not recorded are drawn (profile {profile}): an estimate, not a measurement.")
    _print_times(console, document)
    _print_rates(console, document)
    if document["frontier"]:
        _print_frontier(console, document)
    if "contention" in document:
        _print_contention(console, document["contention"])
    _print_safety(console, document["safety"])


def _print_times(console: Console, document: Document) -> None:
    latency, off = document["latency"], document["controls"]["off_s"]
    arms = [
        ("every call alone", latency["sequential_s"]),
        ("off", off),
        ("speculative", latency["speculative_s"]),
        ("oracle (knows the next turn)", latency["oracle_s"]),
        ("foresight (knows the session)", latency["foresight_s"]),
        ("all wrong", document["controls"]["all_wrong_s"]),
    ]
    table = _table("Time of all sessions", "", "time", "saved", "of off")
    for name, time in arms:
        saved = off - time
        style = "bold" if name == "speculative" else ("dim" if name in ("every call alone", "all wrong") else "")
        table.add_row(name, seconds(time), f"{saved + 0.0:,.2f} s", percent(saved / off if off else None), style=style)
    console.print(table)
    low, high = latency["ci95"]
    interval = "" if low is None else f" (95 % interval over sessions {percent(low)} to {percent(high)})"
    console.print(
        f"Saved {percent(latency['saved_share'])}{interval}: {percent(latency['captured'], 0)} of an oracle's."
    )
    console.print(
        f"Median session {number(latency['p50_speedup'])} times as fast; "
        f"p99 wait of a call {number(latency['wait_p99_ratio'])} times as long."
    )


def _print_rates(console: Console, document: Document) -> None:
    prediction, speculation, overhead = document["prediction"], document["speculation"], document["overhead"]
    console.print(
        f"Hit rate {percent(speculation['hit_rate'])} ({percent(speculation['ready_rate'])} ready at once), "
        f"waste per hit {number(speculation['waste_per_hit'])}."
    )
    console.print(
        f"Launched {speculation['launched']:,} = committed {speculation['committed']:,} "
        f"+ wasted {speculation['wasted']:,}."
    )
    console.print(
        f"Predictions: exact@1 {percent(prediction['exact@1'])}, @3 {percent(prediction['exact@3'])}, "
        f"@5 {percent(prediction['exact@5'])}, tool@1 {percent(prediction['tool@1'])}, "
        f"Brier {number(prediction['brier'], 3)}; {number(overhead['predict_us_p50'], 0)} µs each."
    )


def _print_frontier(console: Console, document: Document) -> None:
    table = _table(
        "Admission threshold (no budget)", "min probability", "hit rate", "waste per hit", "saved", "of the oracle's"
    )
    oracle = document["latency"]["oracle_share"]
    for row in document["frontier"]:
        table.add_row(
            f"{row['min_probability']:.2f}",
            percent(row["hit_rate"]),
            number(row["waste_per_hit"]),
            percent(row["saved_share"]),
            percent(row["saved_share"] / oracle if oracle and row["saved_share"] is not None else None, 0),
        )
    console.print(table)


def _print_contention(console: Console, contention: Document) -> None:
    slots = ", ".join(f"{tool}={count}" for tool, count in contention["capacity"].items()) or "unlimited"
    if len(slots) > 60:
        slots = f"{len(contention['capacity'])} tools limited"
    table = _table(
        f"{contention['sessions_at_once']} sessions at once, {slots}: how long real calls waited",
        "launches at once", "p50", "p95", "p99", "p99 ratio", "all wrong", "",
    )  # fmt: skip
    off = contention["off"]
    table.add_row("off", seconds(off["p50_s"]), seconds(off["p95_s"]), seconds(off["p99_s"]), "", "", "")
    for row in contention["budgets"]:
        mine, wrong = row["speculative"], row["all_wrong"]
        table.add_row(
            str(row["max_in_flight"]),
            seconds(mine["p50_s"]),
            seconds(mine["p95_s"]),
            seconds(mine["p99_s"]),
            number(mine["p99_ratio"], 3),
            number(wrong["p99_ratio"], 3),
            "closed" if row["closed"] else "admitted",
        )
    console.print(table)
    admitted = contention["admitted_max_in_flight"]
    if admitted < contention["budgets"][-1]["max_in_flight"]:
        what = "no launches" if not admitted else f"at most {admitted} launches at once"
        console.print(
            f"[bold]The budget is closed to {what}:[/] beyond, the p99 of real calls grew by more than 1 %.",
            style="red",
        )
    switched = contention["budgets"][-1]["all_wrong"]["switched_off"]
    if switched:
        console.print(f"Always wrong, the self-check switched off: {', '.join(switched)}.", soft_wrap=False)
    free = contention["free_running"]
    console.print(
        f"Agents that use the time they save (more demand): p99 ratio {number(free['p99_ratio'], 3)}, "
        f"{percent(free['saved_share'])} saved."
    )


def _print_safety(console: Console, safety: Document) -> None:
    parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in safety.items()]
    is_safe = not any(safety.values())
    console.print(f"Safety: {', '.join(parts)}.", style="green" if is_safe else "bold red")
