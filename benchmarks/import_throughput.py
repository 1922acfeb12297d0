"""How fast recordings are read and imported, and in how much memory, on a stream of any size.

    python -m benchmarks.import_throughput [--megabytes 1000] [--format otlp] [--traces SET.jsonl.gz …] [--json OUT]

A set (default: the hand-made runs of the tests) is repeated, under session ids of its own each time, to the size
asked for, and fed through a pipe, so that nothing but the process itself is measured: the reading process runs apart,
and its peak resident memory is its own. Aim: at least 20,000 events a second in at most 500 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speculate.exporters import export_otlp
from speculate.importers import import_file
from speculate.trace import Record, encode_record, group_sessions, read_trace, read_traces

DEFAULT = Path(__file__).parent.parent / "tests" / "fixtures" / "odd.jsonl"
AIM_EVENTS_PER_S = 20_000
AIM_PEAK_MB = 500
ROUND = "ROUND-00000000"


def _template(records: list[Record], format: str) -> bytes:
    """One repetition, its session ids ending in a mark that every repetition replaces by its number."""
    marked = [replace(record, session=f"{record.session}-{ROUND}") for record in records]
    if format == "otlp":
        return "".join(export_otlp(group_sessions(marked))).encode()
    return b"".join(encode_record(record) for record in marked)


def _feed(path: str, template: bytes, size: int, format: str) -> None:
    """Write repetitions to the pipe until `size` bytes have gone."""
    traces = sorted({span["traceId"] for span in _spans(template)}) if format == "otlp" else []
    sent = number = 0
    with open(path, "wb", buffering=1 << 20) as stream:
        while sent < size:
            text = template.replace(ROUND.encode(), f"ROUND-{number:08d}".encode())
            for trace in traces:  # ids are digests of the session's: shifted alike
                text = text.replace(trace.encode(), f"{number:08x}{trace[8:]}".encode())
            sent += stream.write(text)
            number += 1


def _spans(template: bytes) -> Iterator[dict[str, str]]:
    for line in template.splitlines():
        for resource_spans in json.loads(line)["resourceSpans"]:
            for scope in resource_spans["scopeSpans"]:
                yield from scope["spans"]


def _read(path: str, format: str) -> dict[str, float]:
    """Read the stream to its end; what it took. Runs in a process of its own."""
    found: Counter[str] = Counter()
    started = time.perf_counter()
    records: Iterator[Record]
    if format == "read":
        records = read_trace(path)
    elif format == "sessions":
        for session in group_sessions(read_trace(path)):
            found["events"] += (
                1
                + sum(1 + len(turn.calls) + len(turn.results) for turn in session.turns)
                + (len(session.steps) - len(session.turns))
            )
        records = iter(())
    else:
        records = import_file(path, "otel" if format == "otlp" else "trace")
    for _ in records:
        found["events"] += 1
    seconds = time.perf_counter() - started
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Processor time tells a slow reader from a busy machine: the stream's writer shares it.
    return {
        "events": found["events"], "seconds": seconds, "cpu_seconds": time.process_time(), "peak_mb": peak_kb / 1024,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=200.0, help="how much to generate")
    parser.add_argument("--format", choices=("read", "sessions", "trace", "otlp"), default="otlp")
    parser.add_argument("--traces", nargs="+", default=[str(DEFAULT)])
    parser.add_argument("--json", metavar="OUT")
    parser.add_argument("--reader", metavar="PIPE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader is not None:
        print(json.dumps(_read(args.reader, args.format)))
        return 0
    template = _template(list(read_traces(args.traces)), args.format)
    size = int(args.megabytes * 1e6)
    pipe = f"{os.environ.get('TMPDIR', '/tmp')}/speculate-import-{os.getpid()}.jsonl"
    os.mkfifo(pipe)
    try:
        command = [sys.executable, "-m", "benchmarks.import_throughput", "--reader", pipe, "--format", args.format]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            _feed(pipe, template, size, args.format)
            output, _ = reader.communicate()
    finally:
        os.unlink(pipe)
    found = json.loads(output)
    rate = found["events"] / found["seconds"]
    megabytes_per_s = args.megabytes / found["seconds"]
    report = {"format": args.format, "megabytes": args.megabytes, **found, "events_per_s": rate}
    print(
        f"{args.format}: {found['events']:,} events, {args.megabytes:,.0f} MB in {found['seconds']:.1f} s: "
        f"{rate:,.0f} events/s ({found['events'] / found['cpu_seconds']:,.0f} a processor second), "
        f"{megabytes_per_s:.1f} MB/s, peak {found['peak_mb']:.0f} MB"
    )
    if args.json is not None:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")
    return 0 if rate >= AIM_EVENTS_PER_S and found["peak_mb"] <= AIM_PEAK_MB else 1


if __name__ == "__main__":
    sys.exit(main())
