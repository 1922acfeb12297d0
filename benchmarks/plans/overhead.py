"""What a fan-out and a chain of instant tools cost: this runtime, bare asyncio.gather, and peers, in one run.

    python -m benchmarks.plans.overhead [--peers .venvs/peers/bin/python] [--json PATH]

The peers run in an environment of their own (see peers.py), and measure bare gather there too; each is set against
the gather of its own process. Instant tools leave nothing but overhead to be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.plans.peers import gather, instant, measure
from speculate.fanout import fan_out
from speculate.plan import Plan, Task, compile_plan, run_plan
from speculate.plan.host import toolbox_of
from speculate.runtime.runtime import Runtime
from speculate.spec import Effect, ToolSpec

READ = ToolSpec(name="instant", effect=Effect.READ, reads=("thing/{x}",))
CASES = ("fan 8", "fan 64", "chain 50")


async def ours() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        "asyncio.gather": {name: await measure(case) for name, case in gather().items()},
        "call_all": {},
        "fan_out": {},
        "plan": {},
    }
    async with Runtime({"instant": instant}, {"instant": READ}) as runtime, runtime.session() as session:
        toolbox = toolbox_of(session)
        for width in (8, 64):
            calls = [("instant", {"x": x}) for x in range(width)]
            wide = compile_plan(Plan(tuple(Task(str(x), "instant", {"x": x}) for x in range(width))), toolbox)

            async def turn(calls: Any = calls) -> None:
                assert all(outcome.ok for outcome in await session.call_all(calls))

            async def fan(calls: Any = calls, width: int = width) -> None:
                assert (await fan_out(session, calls)).value == list(range(width))

            async def plan(wide: Any = wide) -> None:
                assert (await run_plan(session, wide)).ok

            found["call_all"][f"fan {width}"] = await measure(turn)
            found["fan_out"][f"fan {width}"] = await measure(fan)
            found["plan"][f"fan {width}"] = await measure(plan)
        links = [Task(str(x), "instant", {"x": f"${x - 1}" if x else 0}) for x in range(50)]

        async def chain() -> None:  # compiled anew every time, as a plan that is used once is
            assert (await run_plan(session, Plan(tuple(links)))).result() == 0

        found["plan"]["chain 50"] = await measure(chain)
    return found


def peers(python: str) -> dict[str, Any]:
    if not Path(python).exists():
        print(f"{python} is not there: the peers are left out", file=sys.stderr)
        return {}
    script = Path(__file__).with_name("peers.py")
    ran = subprocess.run([python, str(script)], capture_output=True, text=True, timeout=600, check=False)
    sys.stderr.write(ran.stderr)
    return dict(json.loads(ran.stdout)) if ran.returncode == 0 else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=".venvs/peers/bin/python", help="an interpreter that has the peers")
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()
    here = asyncio.run(ours())
    there = peers(args.peers)
    rows: dict[str, dict[str, Any]] = {
        f"speculate {version('speculate-runtime')} {name}" if name != "asyncio.gather" else name: cases
        for name, cases in here.items()
    }
    baseline = there.pop("asyncio.gather", {"cases": {}})["cases"]
    rows |= {f"{name} {found['version']}": found["cases"] for name, found in there.items()}
    print(f"{'best of 30, ms (times bare gather)':38}" + "".join(f"{case:>18}" for case in CASES))
    for name, cases in rows.items():
        base = baseline if name.split()[0] in there else here["asyncio.gather"]
        cells = []
        for case in CASES:
            best = cases.get(case, {}).get("best_ms")
            cells.append("–" if best is None else f"{best:9.2f} ({best / base[case]['best_ms']:5.1f})")
        print(f"{name:38}" + "".join(f"{cell:>18}" for cell in cells))
    if args.json:
        Path(args.json).write_text(json.dumps({"rows": rows, "gather_beside_peers": baseline}, indent=2) + "\n")


if __name__ == "__main__":
    main()
