"""The parts of `ci.kills` that need no cluster: drawing, reporting and comparing."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

import pytest

from ci.kills import __main__ as program
from ci.kills import bystanders, drawing, dumps, leftovers, outcome, processes
from osh_conformance.errors import UsageError

_PRINTED = """\
  ..   cluster osh-conformance-0a1b2c3d: network and registry
  ok   cluster osh-conformance-0a1b2c3d: network and registry  2.0 s
  ..   cluster osh-conformance-0a1b2c3d: create
  ok   cluster osh-conformance-0a1b2c3d: create  17.5 s
  ..   cell keystone-drop-enabled
  ..   image docker.io/library/mariadb:10.11.11
"""
_REST = """\
  ok   image docker.io/library/mariadb:10.11.11  0.3 s
  ok   cell keystone-drop-enabled  60.0 s
  ..   remove cluster osh-conformance-0a1b2c3d
  ok   remove cluster osh-conformance-0a1b2c3d  4.5 s
chart     flavor        images
"""


def _object(kind: str, **content: Any) -> dict[str, Any]:
    meta = {"name": "x", "uid": "1", "resourceVersion": "7", "managedFields": []}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "status": {"phase": "Active"}, **content}


def test_kills_depend_only_on_their_seed() -> None:
    drawn = drawing.planned(20, 7, ("a", "b"), (0.0, 1.0))
    assert drawn == drawing.planned(20, 7, ("a", "b"), (0.0, 1.0))
    assert drawn != drawing.planned(20, 8, ("a", "b"), (0.0, 1.0))


def test_more_kills_of_a_seed_start_with_the_same_ones() -> None:
    assert drawing.planned(20, 7, ("a",), (0.0, 1.0))[:6] == drawing.planned(6, 7, ("a",), (0.0, 1.0))


def test_kills_pair_every_scenario_with_every_variant() -> None:
    drawn = drawing.planned(20, 7, ("a", "b", "c"), (0.2, 0.3))
    assert {(each.scenario, each.variant) for each in drawn} == {(s, v) for s in "abc" for v in drawing.VARIANTS}
    assert {each.variant for each in drawn if each.kept} == set(drawing.VARIANTS)
    assert all(0.2 <= each.fraction <= 0.3 for each in drawn)


@pytest.mark.parametrize(
    ("printed", "step"),
    [
        ("", "start-up"),
        (_PRINTED, "image docker.io/library/mariadb:10.11.11"),
        ("\n".join(_PRINTED.splitlines()[:3]), "cluster …: create"),
        (_PRINTED + _REST.splitlines()[0], "cell keystone-drop-enabled"),
        (_PRINTED + _REST, "after: remove cluster …"),
    ],
)
def test_last_step_is_the_latest_one_that_has_not_ended(printed: str, step: str) -> None:
    assert drawing.last_step(printed) == step


def test_without_cluster_subtracts_creating_and_removing_the_cluster() -> None:
    assert drawing.without_cluster(100.0, _PRINTED + _REST) == pytest.approx(100.0 - 2.0 - 17.5 - 4.5)


def test_stable_ignores_status_and_version_but_not_content_and_uid() -> None:
    first = dumps.stable(_object("Secret", data={"a": "b"}))
    later = _object("Secret", data={"a": "b"})
    later["metadata"]["resourceVersion"] = "8"
    later["status"] = {}
    assert dumps.stable(later) == first
    assert dumps.stable(_object("Secret", data={"a": "c"})) != first
    later["metadata"]["uid"] = "2"
    assert dumps.stable(later) != first


def test_stable_shows_that_an_object_is_being_deleted() -> None:
    later = _object("Namespace", spec={})
    later["metadata"]["deletionTimestamp"] = "2026-11-26T12:00:00Z"
    assert dumps.stable(later) != dumps.stable(_object("Namespace", spec={}))


def test_digest_depends_on_content_and_not_on_order() -> None:
    assert dumps.digest({"a": "1", "b": "2"}) == dumps.digest({"b": "2", "a": "1"})
    assert dumps.digest({"a": "1", "b": "2"}) != dumps.digest({"a": "1", "b": "3"})


def test_compared_names_every_change() -> None:
    change = dumps.compared({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert (change.added, change.lost, change.changed) == (("d",), ("a",), ("c",))


def test_bystanders_report_each_change_once() -> None:
    parts = {"database": {"table t": "1"}, "kept cluster": {"Namespace a": "1"}, "volume": {"content": "1"}}

    def seen(name: str) -> dict[str, str]:
        return dict(parts[name])

    known = [bystanders.Bystander(name=name, dump=partial(seen, name), shared=name == "kept cluster") for name in parts]
    everybody = bystanders.Bystanders(known=known)
    everybody.remember()
    assert everybody.check() == ((), ())
    parts.update(
        {"database": {}, "kept cluster": {"Namespace a": "1", "Namespace cell-b": "1"}, "volume": {"content": "2"}}
    )
    harmed, added = everybody.check()
    assert harmed == ("database: table t is gone", "volume: content has changed")
    assert added == ("kept cluster: Namespace cell-b is new",)
    assert sum("NOT AS BEFORE" in line for line in everybody.digests()) == 3
    del parts["kept cluster"]["Namespace cell-b"]
    assert everybody.check() == ((), ()), "each change is reported once, and a run's leftovers may be removed"
    del parts["kept cluster"]["Namespace a"]
    assert everybody.check() == (("kept cluster: Namespace a is gone",), ())


def test_topmost_omits_paths_below_a_listed_folder() -> None:
    assert leftovers.topmost({"/a/b", "/a/b/c", "/a/b/c/d", "/a/bc"}) == ["/a/b", "/a/bc"]


def test_descendants_finds_only_descendants_at_any_depth() -> None:
    assert processes.descendants(10, {1: 0, 10: 1, 11: 10, 12: 11, 13: 1, 14: 13}) == {11, 12}


def test_table_ends_with_totals() -> None:
    common: dict[str, Any] = {"scenario": "drop-enabled", "seconds": 41.26, "step": "cell x"}
    rows = [
        outcome.Row(name="-", variant="nobody", collected=None, left=(), harmed=(), **common),
        outcome.Row(name="1", variant="session", collected=3.04, left=("file x",), harmed=("network y",), **common),
    ]
    head, complete, killed, totals = outcome.table(rows).splitlines()
    assert head.split() == ["round", "scenario", "killed", "after", "s", "step", "gc", "s", "left", "intact"]
    assert complete.split() == ["-", "drop-enabled", "nobody", "41.3", "cell", "x", "-", "0", "yes"]
    assert killed.split() == ["1", "drop-enabled", "session", "41.3", "cell", "x", "3.0", "1", "NO"]
    assert totals == "1 killed, 1 complete; left: 1; changes to bystanders: 1"


@pytest.mark.parametrize("words", [["--between", "0.5"], ["--between", "0.5,0.2"], ["--times", "0"], ["--nonsense"]])
def test_kills_reject_wrong_arguments(words: list[str]) -> None:
    with pytest.raises(UsageError):
        program._arguments(words)
    assert program.main(words) == UsageError.exit_code


def test_kills_start_with_drop_enabled_and_draw_a_seed_by_default() -> None:
    args = program._arguments([])
    assert args.scenario[0] == "drop-enabled"
    assert isinstance(args.seed, int)
    assert program._arguments(["--seed", "7"]).seed == 7


def test_ignored_lets_a_clean_up_finish_despite_signals() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with program.ignored():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
