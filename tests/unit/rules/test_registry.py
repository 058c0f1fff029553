"""The registry: rules by id and family, and rules of other distributions."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.model.finding import Verdict
from osh_conformance.model.scenario import Scenario, ScenarioGroup
from osh_conformance.rules import registry
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.chart import RenderedChart

_RULE = """
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule

RULE = Rule(id="{id}", title="a title", source="a source", why="a reason", fix="a fix", scenarios={scenarios})


@static_rule(RULE)
def check(chart):
    place = Location(chart=chart.name, path=chart.values_file)
    return Verdict.of(RULE.id, [RULE.finding(place, found="a toy", expected="none")])


@live_rule(RULE)
def check_live(observation):
    return Verdict.of(RULE.id, ())
"""


def _install(folder: Path, code: str) -> None:
    """Lay out a distribution `acme-rules` with one module, as pip does."""
    info = folder / "acme_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nacme = acme_rules\n")
    (folder / "acme_rules.py").write_text(code)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(folder), *filter(None, sys.path)))
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, cwd=folder)


def _osh_conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(folder, sys.executable, "-m", "osh_conformance", *arguments)


def test_each_rule_lies_in_the_file_of_its_name() -> None:
    for rule in registry.all_rules():
        module = importlib.import_module(f"osh_conformance.rules.{rule.lower().replace('-', '_')}")
        assert rule == module.RULE.id
        checks = {
            "check": registry.static_rules(),
            "check_live": registry.live_rules(),
            "compare": registry.matrix_rules(),
        }
        assert {name: functions[rule] for name, functions in checks.items() if rule in functions} == {
            name: getattr(module, name) for name in checks if hasattr(module, name)
        }


def test_the_example_of_each_rule_is_yaml_before_and_after() -> None:
    for rule in registry.all_rules().values():
        before, after = (yaml.safe_load(text) for text in (rule.before, rule.after))
        assert isinstance(before, dict), rule.id
        assert isinstance(after, dict), rule.id
        assert rule.before != rule.after, rule.id


def test_a_replaced_rule_is_restored_afterwards() -> None:
    def other(_chart: RenderedChart) -> Verdict:
        return Verdict.undecided("REF-1", "replaced")

    own = registry.static_rules()["REF-1"]
    with registry.replaced("REF-1", other):
        assert registry.static_rules()["REF-1"] is other
        assert registry.is_replaced("REF-1")
    assert registry.static_rules()["REF-1"] is own
    assert not registry.is_replaced("REF-1")


def test_a_scenario_keeps_its_own_rules_first() -> None:
    scenario = Scenario(name="one", summary="", rules=("REF-2", "REF-1"), group=ScenarioGroup.MAIN)
    assert registry.rules_of(scenario)[:2] == ("REF-2", "REF-1")


@pytest.mark.parametrize(
    ("scenarios", "expected"),
    [("('main',)", "drop-disabled,drop-enabled"), ("('password',)", "password"), ("('pull-policy',)", "pull-policy")],
)
def test_a_rule_of_another_distribution_is_checked_in_the_scenarios_that_it_requests(
    tmp_path: Path, scenarios: str, expected: str
) -> None:
    _install(tmp_path, _RULE.format(id="ACME-1", scenarios=scenarios))
    code = (
        "from osh_conformance.plan import scenarios\n"
        "print(','.join(name for name, each in sorted(scenarios.known().items()) if 'ACME-1' in each.rules))"
    )
    assert _run(tmp_path, sys.executable, "-c", code).stdout.strip() == expected


@pytest.mark.parametrize("scenarios", ["()", "('mian',)"])
def test_a_rule_of_another_distribution_that_is_checked_in_no_scenario_is_an_error(
    tmp_path: Path, scenarios: str
) -> None:
    _install(tmp_path, _RULE.format(id="ACME-1", scenarios=scenarios))
    result = _osh_conformance(tmp_path, "plan", str(case("clean-flat")))
    assert result.returncode == 3, result
    assert "ACME-1 is checked in no scenario" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_rule_of_another_distribution_checks_charts(tmp_path: Path) -> None:
    _install(tmp_path, _RULE.format(id="ACME-1", scenarios="('main',)"))
    for _ in ("rendered", "from the cache"):
        result = _osh_conformance(tmp_path, "check", str(case("clean-flat")))
        assert result.returncode == 1, result
        assert re.search(r"FAIL ACME-1  clean-flat  \S*values\.yaml", result.stdout), result.stdout
    assert "ACME-1   a title" in _osh_conformance(tmp_path, "explain").stdout


def test_a_cached_verdict_of_a_rule_of_another_version_does_not_count(tmp_path: Path) -> None:
    _install(tmp_path, _RULE.format(id="ACME-1", scenarios="('main',)"))
    assert _osh_conformance(tmp_path, "check", str(case("clean-flat"))).returncode == 1
    (tmp_path / "acme_rules.py").write_text(
        _RULE.format(id="ACME-1", scenarios="('main',)").replace("a toy", "another toy")
    )
    assert "another toy" in _osh_conformance(tmp_path, "check", str(case("clean-flat"))).stdout


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_module", "no_such_module"),
        (_RULE.format(id="REF-1", scenarios="()"), "REF-1 is registered twice"),
        (_RULE.format(id="acme", scenarios="()"), "`acme` is no id of a rule"),
    ],
    ids=["not-importable", "id-that-is-taken", "id-that-is-none"],
)
def test_rules_of_another_distribution_that_do_not_load_are_an_error_that_names_it(
    tmp_path: Path, code: str, message: str
) -> None:
    _install(tmp_path, code)
    result = _osh_conformance(tmp_path, "check", str(case("clean-flat")))
    assert result.returncode == 3, result
    output = result.stdout + result.stderr
    assert "the rules of the distribution `acme-rules` do not load" in output
    assert message in output
    assert "  fix        correct acme_rules, or uninstall acme-rules" in output
    assert "Traceback" not in output


def test_the_ids_of_static_rules_are_known_without_importing_a_rule() -> None:
    program = (
        "import sys; from osh_conformance.rules import registry; ids = registry.static_ids(); "
        "assert 'osh_conformance.rules.ref_1' not in sys.modules; "
        "assert ids == tuple(registry.static_rules()) == registry.static_ids()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
