"""How good the schedules are, over hundreds of random graphs on a virtual clock; and what 100,000 tasks cost.

    python -m benchmarks.plans.scheduling [--graphs 400] [--seed 0] [--json PATH]

Unlimited slots: makespan over critical path (1 is optimal). Limited slots: makespan over the lower bound
max(critical path, work / slots), for the longest remaining path first and for first come, first served; Graham's
bound is 2 - 1/slots (Graham 1969). The scheduler is the one that runs plans.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.plans.graphs import random_graph, simulate
from speculate.plan import Plan, Task, Toolbox, compile_plan
from speculate.plan.schedule import Scheduler


def unlimited(draw: random.Random, graphs: int) -> dict[str, float]:
    ratios = []
    for _ in range(graphs):
        graph = random_graph(draw, draw.randrange(1, 501), draw.choice((1.0, 2.0, 3.0)))
        ratios.append(simulate(graph).makespan / graph.critical_s())
    return {"graphs": graphs, "mean": sum(ratios) / graphs, "worst": max(ratios)}


def limited(draw: random.Random, graphs: int, slots: int) -> dict[str, Any]:
    ours, first_come, beyond = 0.0, 0.0, 0
    for _ in range(graphs):
        graph = random_graph(draw, draw.randrange(20, 501), draw.choice((1.0, 2.0, 3.0)))
        lower = max(graph.critical_s(), sum(graph.seconds) / slots)
        makespan = simulate(graph, slots).makespan
        ours += makespan / lower
        first_come += simulate(graph, slots, first_come=True).makespan / lower
        beyond += makespan > (2 - 1 / slots) * lower
    return {
        "slots": slots,
        "graphs": graphs,
        "longest_path_first": ours / graphs,
        "first_come": first_come / graphs,
        "graham_bound": 2 - 1 / slots,
        "beyond_graham": beyond,
    }


def large(tasks: int = 100_000) -> dict[str, float]:
    plan = Plan(tuple(Task(str(n), "tool", {"x": n}, after=(str(n // 2),) if n else ()) for n in range(tasks)))
    toolbox = Toolbox(names=frozenset({"tool"}))
    started = perf_counter()
    compiled = compile_plan(plan, toolbox, conflicts="order")
    compiled_s = perf_counter() - started
    scheduler = Scheduler({"total": 8})
    started = perf_counter()
    for node in compiled.nodes:
        scheduler.add(node.needs, node.waits, node.remaining_s, ("total",))
    running = scheduler.poke().start
    while running:
        running += scheduler.succeeded(running.pop()).start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scheduled_us = (perf_counter() - started) / tasks * 1e6
    return {"tasks": tasks, "compile_s": compiled_s, "schedule_us_per_task": scheduled_us, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()
    draw = random.Random(args.seed)
    found = {
        "unlimited": unlimited(draw, args.graphs),
        "limited": [limited(draw, args.graphs // 4, slots) for slots in (2, 4, 8, 16)],
        "large": large(),
    }
    free, big = found["unlimited"], found["large"]
    print(f"unlimited slots, {args.graphs} graphs:")
    print(f"    makespan / critical path {free['mean']:.4f}, worst {free['worst']:.4f}")
    for each in found["limited"]:
        ours, theirs, bound = each["longest_path_first"], each["first_come"], each["graham_bound"]
        print(f"{each['slots']} slots, {each['graphs']} graphs: makespan / lower bound {ours:.4f},")
        print(f"    first come {theirs:.4f}, Graham's bound {bound:.4f} (beyond it: {each['beyond_graham']})")
    print(f"{big['tasks']} tasks: compiled in {big['compile_s']:.2f} s, peak {big['peak_mb']:.0f} MB,")
    print(f"    {big['schedule_us_per_task']:.1f} us a task to schedule")
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
