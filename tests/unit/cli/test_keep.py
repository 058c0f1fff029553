"""The option --keep: with a name, without one, and before a PATH."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import arguments, build_parser, main
from osh_conformance.config import resolve
from osh_conformance.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a chart `keystone`."""
    (tmp_path / "keystone").mkdir()
    monkeypatch.chdir(tmp_path)


def _parsed(*words: str) -> argparse.Namespace:
    return build_parser(words[0]).parse_args(arguments.joined(words, words[0]))


@pytest.mark.parametrize("verb", ["live", "plan"])
@pytest.mark.parametrize(
    ("words", "keep"),
    [
        (["keystone"], None),
        (["keystone", "--keep"], ""),
        (["--keep", "keystone"], ""),
        (["--keep", "./keystone"], ""),
        (["--keep", "../charts/keystone", "keystone"], ""),
        (["--keep", "--helm", "3", "keystone"], ""),
        (["--keep", "--", "alice"], ""),
        (["--keep=alice", "keystone"], "alice"),
        (["--keep", "alice", "keystone"], "alice"),
        (["keystone", "--keep", "alice"], "alice"),
        (["--keep=keystone", "keystone"], "keystone"),
    ],
)
def test_a_name_is_told_from_a_path(verb: str, words: list[str], keep: str | None) -> None:
    args = _parsed(verb, *words)
    assert args.keep == keep
    assert Path("keystone") in args.paths or "keystone" not in words


def test_an_empty_name_is_an_error() -> None:
    with pytest.raises(UsageError, match="--keep="):
        _parsed("live", "--keep=", "keystone")


@pytest.mark.parametrize("name", ["Alice", "a_b", "-x", "a" * 26])
def test_a_name_that_no_cluster_can_have_is_an_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", f"--keep={name}", "keystone"]) == ExitCode.USAGE
    assert f"a cluster cannot be kept as `{name}`" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "keep"), [([], None), (["--keep"], ""), (["--keep=alice"], "alice")])
def test_a_run_knows_the_name_of_the_cluster_that_it_keeps(words: list[str], keep: str | None) -> None:
    assert resolve.live_options(arguments.given(_parsed("live", "keystone", *words))).keep == keep


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ([], []),
        (["--kept"], [""]),
        (["--kept", "alice"], ["alice"]),
        (["--kept=alice", "--kept", "bob"], ["alice", "bob"]),
    ],
)
def test_gc_takes_names(words: list[str], kept: list[str]) -> None:
    assert _parsed("gc", *words).kept == kept
