"""The plan an audit writes is what the runtime loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from speculate.audit import AuditSettings, audit
from speculate.audit.plan import PolicyError, load_policy, load_settings, policy_path, write_plan
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.spec import Effect
from tests.audit.runs import Run, write
from tests.audit.test_known_answers import SHOP, lookup
from toolspecs import Manifest


def shop_audit(tmp_path: Path, manifest: str | None, **settings: object):  # type: ignore[no-untyped-def]  # an Audit
    runs = []
    for number in range(8):
        run = lookup(number, 3.0).turn(("pay", {"invoice": f"inv-{number}", "card": "visa-77"}, "paid"), llm_s=1.0)
        run.turn(("note", {"text": "hello"} if number else {"title": "hi"}, "ok"), llm_s=1.0)
        runs.append(run)
    path = write(tmp_path / "shop.jsonl", runs)
    specs = None if manifest is None else Manifest.loads(manifest)
    return audit([path], specs, AuditSettings(**settings))  # type: ignore[arg-type]  # fields of AuditSettings


def test_the_plan_loads_as_it_is(tmp_path: Path) -> None:
    """Declared entries stay, a write gets a guard, a new tool is proposed and starts nothing early."""
    found = shop_audit(tmp_path, SHOP + '[tools.pay]\neffect = "write"\nwrites = ["invoice/{invoice}"]\n')
    manifest_path, settings_path = write_plan(found, tmp_path / "plan.toml")
    assert settings_path == tmp_path / "plan.policy.toml" == policy_path(tmp_path / "plan.toml")
    manifest = Manifest.load(manifest_path)
    assert manifest["get_orders"].reads == ("order/*",)
    assert manifest["get_orders"].speculate
    assert manifest["pay"].dedup_key == "{card} {invoice}"
    assert manifest["note"].effect is Effect.WRITE
    assert manifest["note"].dedup_key is None
    assert "get_weather" in manifest
    text = manifest_path.read_text()
    assert "PROPOSED" in text
    assert "NO GUARD" in text
    settings = load_settings(settings_path)
    assert settings.speculation is True
    assert settings.predictor == "pattern"
    assert settings.policy == load_policy(settings_path)
    assert 1 <= settings.policy.max_in_flight_per_session <= Policy().max_in_flight_per_session


def test_without_a_manifest_everything_is_proposed_and_nothing_starts_early(tmp_path: Path) -> None:
    found = shop_audit(tmp_path, None, speculation=False)
    manifest_path, settings_path = write_plan(found, tmp_path / "plan.toml")
    manifest = Manifest.load(manifest_path)
    assert manifest["get_orders"].effect is Effect.READ
    assert not any(spec.speculate for spec in manifest.values() if spec.effect is Effect.READ)
    assert load_settings(settings_path).speculation is False


def test_a_plan_is_a_toml_file_that_can_be_written(tmp_path: Path) -> None:
    found = audit(
        [write(tmp_path / "one.jsonl", [Run("one").turn(("a", {}, 1))])], None, AuditSettings(speculation=False)
    )
    with pytest.raises(SpeculateError, match=r"name a \.toml file"):
        write_plan(found, tmp_path / "plan.json")
    with pytest.raises(SpeculateError, match="cannot be written"):
        write_plan(found, tmp_path / "no" / "plan.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policy = ", "not TOML"),
        ("speculation = true", "field 'policy': write policy = 1"),
        ("policy = true", "write policy = 1"),
        ("policy = 1\nbudget = 3", "field 'budget': unknown field"),
        ('policy = 1\nspeculation = "yes"', "must be true or false"),
        ('policy = 1\npredictor = ""', "must be the name of a predictor"),
        ("policy = 1\nsettings = 3", "must be a table"),
        ("policy = 1\n[settings]\nnothing = 3", r"settings\.nothing.*unknown field"),
        ('policy = 1\n[settings]\nmax_in_flight = "3"', r"settings\.max_in_flight.*must be int"),
        ("policy = 1\n[settings]\nmax_in_flight = true", "must be int"),
        ("policy = 1\n[settings]\nself_check = 1", "must be bool"),
        ("policy = 1\n[settings]\nmin_probability = 7", "between 0 and 1"),
    ],
)
def test_a_wrong_policy_file_says_where_and_what(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "p.policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=problem) as caught:
        load_policy(path)
    assert str(path) in str(caught.value)


def test_a_policy_file_may_say_little(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("policy = 1\n[settings]\nbudget = 5\nmin_probability = 0.25\n")
    assert load_policy(path) == Policy(budget=5, min_probability=0.25)
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "nowhere.toml")
