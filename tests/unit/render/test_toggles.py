"""Switches in values: those that exclude each other, and the values that fit a pattern."""

from __future__ import annotations

from osh_conformance.charts import conventions
from osh_conformance.render.toggles import excluding, matching

OSH = conventions.shipped()["osh"]


def test_a_switch_that_is_on_and_excludes_another_is_found() -> None:
    values = {"manifests": {"job_db_init": True, "mariadb_db": True, "deployment_api": True}}
    assert excluding(OSH, values, "manifests.job_db_init") == ("manifests.mariadb_db",)
    # The switch that is asked about need not be on.
    values["manifests"]["job_db_init"] = False
    assert excluding(OSH, values, "manifests.job_db_init") == ("manifests.mariadb_db",)


def test_a_switch_that_is_off_or_of_another_group_excludes_nothing() -> None:
    values = {"manifests": {"job_db_init": True, "mariadb_db": False, "deployment_api": True}}
    assert excluding(OSH, values, "manifests.job_db_init") == ()
    assert excluding(OSH, {"manifests": {"mariadb_db": True}}, "manifests.job_db_sync") == ()


def test_a_star_in_a_pattern_is_one_name_and_null_is_nothing() -> None:
    values = {"a": {"b": {"c": 1}, "d": {"c": None, "e": 2}, "f": 3}, "g": {"c": 4}}
    assert matching(["a.*.c"], values) == ("a.b.c",)
    assert matching(["a.*", "a.f"], values) == ("a.b", "a.d", "a.f")
    assert matching(["x.*"], values) == ()
