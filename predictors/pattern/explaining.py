"""What the model knows, for people: where a prediction's argument came from, and the rules behind it."""

from __future__ import annotations

from dataclasses import dataclass

from predictors.pattern.counts import ALL, Counts, wide
from predictors.pattern.filling import Value
from predictors.pattern.guessing import Guesser
from predictors.pattern.mappings import MAPPED
from predictors.pattern.nesting import shown
from predictors.pattern.pools import SLOT_NAMES, STALE
from predictors.pattern.records import JOIN, PAIR
from predictors.pattern.sealing import SEPARATOR
from predictors.pattern.state import State
from predictors.pattern.text import is_spoken, is_typed
from predictors.pattern.vault import Vault
from speculate.prediction import ArgumentSource


@dataclass(frozen=True, slots=True)
class Rule:
    """One learned rule. argument: its name ("a, b" for fields of one record). support: turns in which it gave the
    argument. precision: of the turns in which it offered a value, the share in which it was the argument."""

    tool: str
    argument: str
    rule: str
    support: float
    precision: float
    tenants: int | None = None


def kind_of(rule: str) -> str:
    """Which kind of source a rule reads."""
    if rule.startswith("="):
        return "constant"
    if is_typed(rule):
        return "user"
    if is_spoken(rule):
        return "text"
    return "argument" if "(" in rule else "result"


def source_of(value: Value, state: State, vault: Vault) -> ArgumentSource:
    """Where this predicted value came from."""
    _, _, rule, slot, event, _, _, _, _ = value
    if rule[:1] == "=":
        return ArgumentSource("constant", "", None, vault.tenants(rule[1:]))
    if rule.startswith(MAPPED):
        digest = rule[len(MAPPED) :]
        return ArgumentSource("user", "a phrase that stands for it", None, vault.tenants(digest))
    tenants = None
    detail = rule
    if "|=" in rule:
        detail, _, digest = rule.partition("|=")
        tenants = vault.tenants(digest)
        detail += "|template"
    call = state.sources[event] if event >= 0 else None
    detail = state.fields.revealed(detail)
    return ArgumentSource(kind_of(rule), f"{detail} [{SLOT_NAMES[slot % STALE]}]", call, tenants)


def _slot(slot: int) -> str:
    return SLOT_NAMES[slot % STALE] + (", older" if slot >= STALE else "")


def explain_rules(guesser: Guesser, counts: Counts, vault: Vault) -> list[Rule]:
    """The best rules of every tool and argument, best first."""
    out: list[Rule] = []
    for tool in sorted(counts.forms):
        rules = guesser.rules(tool)
        turns = counts.contexts.get(ALL, {}).get(tool, 0)
        for argument in sorted(rules.arguments(), key=lambda each: each.name):
            name = argument.name
            taken = counts.takes[tool][name]
            found = []
            for chance, path, change, chances, _ in argument.rules:
                slot = chances.index(chance)
                rule = f"{path}|{change}" if change else path
                support = wide(taken[rule])[slot]
                text, tenants = rule, None
                if change[:1] == "=":
                    before_after = vault.value(change[1:])
                    if before_after is None:
                        continue
                    text, tenants = f"{path} in {before_after}", vault.tenants(change[1:])
                offered = wide(counts.offers[tool][path])[slot]
                found.append(
                    Rule(
                        tool, shown(name), f"{text} [{_slot(slot)}]", support, support / max(support, offered), tenants
                    )
                )
            for _, value, rule, _ in argument.constants:
                support = sum(taken[rule])
                found.append(
                    Rule(tool, shown(name), f"= {value!r}", support, support / max(1, turns), vault.tenants(rule[1:]))
                )
            out.extend(sorted(found, key=lambda each: (-each.precision, -each.support, each.rule))[:12])
        for chance, group, _, chances, rule in rules.joint[:6]:
            slot = chances.index(chance)
            pairs = [shown(pair) for pair in rule.partition(JOIN)[2].split(PAIR)]
            support = wide(counts.joint[tool][rule])[slot]
            there = wide(counts.joint[tool][group])[STALE if slot >= STALE else 0]
            names = ", ".join(pair.partition("=")[0] for pair in pairs)
            text = f"one record of {group}: {', '.join(pairs)} [{_slot(slot)}]".replace(SEPARATOR, ",")
            out.append(Rule(tool, names, text, support, support / max(support, there)))
    return out
