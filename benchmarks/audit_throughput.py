"""How fast recorded runs are audited, and in how much memory, on a stream of any size.

    python -m benchmarks.audit_throughput [--megabytes 1000] [--traces SET.jsonl.gz … --manifest M.toml] [--json OUT]

A set (default: generated customer-service runs) is read again and again to the size asked for, uncompressed size
counted, by a process of its own, whose peak resident memory is therefore the audit's. The replay is left out: it works
on a bounded sample, whatever the stream. Aim: at least 20,000 events a second in at most 500 MB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from speculate.audit import AuditSettings, audit, document
from toolspecs import Manifest

AIM_EVENTS_PER_S = 20_000
AIM_PEAK_MB = 500
SEED = 0
SESSIONS = 400
MANIFEST = """
manifest = 1
[tools.find_user]
effect = "read"
reads = ["user-index"]
[tools.get_order]
effect = "read"
reads = ["order/{order_id}"]
[tools.get_product]
effect = "read"
reads = ["product/{product_id}"]
[tools.cancel_order]
effect = "write"
reads = []
writes = ["order/{order_id}"]
"""
WORDS = "please could you check whether my parcel with the blue lamp has left yet or change the address".split()  # noqa: SIM905  # prose


def generate(path: Path) -> None:
    """Runs of the size that customer-service agents' have: a user, orders with items, now and then a write."""
    random = Random(SEED)
    with path.open("w", encoding="utf-8") as out:
        for number in range(SESSIONS):
            _session(number, random, out.write)


def _session(number: int, random: Random, write) -> None:  # type: ignore[no-untyped-def]  # a file's method
    id, now, count = f"run-{number}", 0.0, 0

    def row(**fields: object) -> None:
        write(json.dumps({"session": id, "at": round(now, 3), **fields}) + "\n")

    def turn(*calls: tuple[str, dict[str, object], object]) -> None:
        nonlocal now, count
        llm_s = random.lognormvariate(1.4, 0.6)
        row(type="turn", turn=count, llm_s=llm_s, text=None if calls else " ".join(random.choices(WORDS, k=40)))
        now += llm_s
        for place, (tool, arguments, result) in enumerate(calls):
            row(type="call", turn=count, id=f"c{count}-{place}", tool=tool, args=arguments)
            tool_s = random.lognormvariate(-0.3, 0.5)
            now += tool_s
            row(type="result", id=f"c{count}-{place}", tool_s=tool_s, ok=True, result=result)
        count += 1

    row(type="session", v=1, task=f"task {number % 97}")
    email = f"customer{random.randrange(10_000)}@example.com"
    row(type="user", text=f"Hello, I am {email}: " + " ".join(random.choices(WORDS, k=30)))
    orders = [f"#W{random.randrange(10**7):07d}" for _ in range(random.randint(1, 5))]
    turn(("find_user", {"email": email}, {"user_id": f"u{number}", "orders": orders, "city": "Lisbon"}))
    for order in orders[: random.randint(1, len(orders))]:
        items = [
            {
                "product_id": str(random.randrange(10**9)),
                "name": random.choice(WORDS),
                "price": round(random.random() * 500, 2),
            }
            for _ in range(random.randint(1, 6))
        ]
        turn(("get_order", {"order_id": order}, {"order_id": order, "status": "pending", "items": items}))
        turn(("get_product", {"product_id": items[0]["product_id"]}, {"name": "lamp", "variants": items}))
        turn()
        row(type="user", text=" ".join(random.choices(WORDS, k=25)))
    if random.random() < 0.3:
        turn(("cancel_order", {"order_id": orders[0], "reason": "no longer needed"}, {"status": "cancelled"}))
    turn()
    row(type="end")


def _size(path: str) -> tuple[int, int]:
    """Bytes, uncompressed, and events of one reading."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as stream:
        lines = stream.readlines()
    return sum(map(len, lines)), len(lines)


def _read(traces: list[str], manifest: str, rounds: int) -> dict[str, float]:
    """Audit the stream; what it took. Runs in a process of its own."""
    began, began_cpu = time.perf_counter(), time.process_time()
    found = document(audit(traces * rounds, Manifest.load(manifest), AuditSettings(speculation=False)))
    return {
        "sessions": found["sessions"],
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - began_cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=200.0, help="size of the stream")
    parser.add_argument("--traces", nargs="+", default=[])
    parser.add_argument("--manifest")
    parser.add_argument("--json", metavar="OUT")
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds is not None:
        print(json.dumps(_read(args.traces, args.manifest, args.rounds)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        traces, manifest = args.traces, args.manifest
        if not traces:
            traces, manifest = [f"{folder}/runs.jsonl"], f"{folder}/shop.toml"
            generate(Path(traces[0]))
            Path(manifest).write_text(MANIFEST, encoding="utf-8")
        if manifest is None:
            parser.error("--traces needs --manifest")
        sizes = [_size(trace) for trace in traces]
        rounds = max(1, round(args.megabytes * 1e6 / sum(size for size, _ in sizes)))
        command = [sys.executable, "-m", "benchmarks.audit_throughput", "--rounds", str(rounds), "--manifest", manifest]
        output = subprocess.run([*command, "--traces", *traces], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(output)
    events = rounds * sum(count for _, count in sizes)
    megabytes = rounds * sum(size for size, _ in sizes) / 1e6
    report = {
        "megabytes": megabytes,
        "events": events,
        **found,
        "events_per_s": events / found["seconds"],
        "events_per_cpu_s": events / found["cpu_seconds"],
        "aim": {"events_per_s": AIM_EVENTS_PER_S, "peak_mb": AIM_PEAK_MB},
    }
    print(
        f"audit: {events:,} events, {megabytes:,.0f} MB, {found['sessions']:,} sessions in {found['seconds']:.1f} s: "
        f"{report['events_per_s']:,.0f} events/s ({report['events_per_cpu_s']:,.0f} a processor second), "
        f"peak {found['peak_mb']:.0f} MB"
    )
    if args.json is not None:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if report["events_per_cpu_s"] >= AIM_EVENTS_PER_S and found["peak_mb"] <= AIM_PEAK_MB else 1


if __name__ == "__main__":
    raise SystemExit(main())
