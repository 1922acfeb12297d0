"""Sisters: tools that take the same arguments, so that what one of them was asked may be asked of the other next.

A search that found nothing is often made once more, with the same words, through another index. Where traces showed
that, a joint rule over the arguments of an earlier call says so; this is what is assumed before they did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from predictors.pattern.counts import ALL, WIDTH, Rows, wide
from predictors.pattern.flatten import root_of
from predictors.pattern.pools import STALE
from predictors.pattern.records import JOIN, PAIR
from predictors.pattern.sealing import SEPARATOR

TRUST = 0.7  # turns in which a tool was called with the arguments of its sister, assumed before any were seen
DOUBT = 1.3  # likewise turns in which it was not
EARLIER = 0.3  # of that, for a call of the sister before its last one
LEAST_NAMES = 2  # arguments: a single one is found by its name
MAX_SISTERS = 4
LAST, BEFORE = 0, 3  # slots, see `records.ranked`

Joint = tuple[str, Mapping[str, str], Sequence[float], str]  # group, argument -> path, chance by slot, rule


def usual_names(forms: Mapping[str, float]) -> Sequence[str]:
    """The arguments that a tool is mostly called with."""
    usual = max((key for key in forms if key != ALL), key=lambda key: (forms[key], key), default="")
    return usual.split(SEPARATOR) if usual else ()


def sister_rules(
    tool: str, names: Sequence[str], takes: Mapping[str, Sequence[str]], known: Rows
) -> list[Joint]:  # fmt: skip
    """Joint rules that take all arguments from the last call of another tool, whether or not some were learned.

    names: the tool's arguments. takes: those of every tool. known: joint counts of the tool.
    """
    if len(names) < LEAST_NAMES:
        return []
    wanted = set(names)
    found = sorted((len(given), other) for other, given in takes.items() if other != tool and wanted <= set(given))
    out: list[Joint] = []
    for _, other in found[:MAX_SISTERS]:
        group = f"{root_of(other)}("
        paths = {name: f"{group}{name})" for name in sorted(names)}
        rule = group + JOIN + PAIR.join(f"{name}={path}" for name, path in paths.items())
        there, taken = wide(known.get(group) or []), wide(known.get(rule) or [])
        chances = [0.0] * WIDTH
        for start in (0, STALE):
            for slot, share in ((LAST, 1.0), (BEFORE, EARLIER)):
                chances[start + slot] = (max(0.0, taken[start + slot]) + share * TRUST) / (
                    max(0.0, there[start]) + TRUST + DOUBT
                )
        out.append((group, paths, chances, rule))
    return out
