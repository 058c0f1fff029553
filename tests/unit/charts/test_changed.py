"""Which charts a change affects, and which belong to a shard."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from osh_conformance.charts import changed, find
from osh_conformance.charts.find import find_targets
from osh_conformance.charts.target import ChartTarget
from osh_conformance.cli import main
from osh_conformance.errors import UsageError
from osh_conformance.loading.search import DataPath

_LIB = 'dependencies:\n- {name: lib, version: 1.0.0, repository: "file://../lib"}\n'
_BY_NAME = 'dependencies:\n- {name: base, version: 1.0.0, repository: "http://localhost:8879/charts"}\n'


def _git(tree: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, "-C", str(tree), *words], check=True, capture_output=True)  # noqa: S607


def _chart(tree: Path, name: str, more: str = "", file: str = "Chart.yaml") -> None:
    folder = tree / name
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    with (folder / file).open("a") as opened:
        opened.write(more)
    (folder / "values.yaml").write_text("a: 1\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository: `api` and `job` (of a chart that is itself one of its own) need `lib`, `old` names `base`."""
    _chart(tmp_path, "lib")
    _chart(tmp_path, "api", _LIB)
    _chart(tmp_path, "job", _LIB.replace("name: lib", "name: api").replace("../lib", "../api"))
    _chart(tmp_path, "base")
    _chart(tmp_path, "old", _BY_NAME, "requirements.yaml")
    _chart(tmp_path, "alone")
    _git(tmp_path, "init", "-q", "-b", "main")
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def _changed(tree: Path, reference: str = "main") -> list[str]:
    return [target.name for target in changed.changed_since(find_targets([tree]), reference)]


@pytest.mark.parametrize(
    ("file", "charts"),
    [
        ("alone/values.yaml", ["alone"]),
        ("alone/templates/new.yaml", ["alone"]),
        ("lib/values.yaml", ["api", "job", "lib"]),
        ("api/values.yaml", ["api", "job"]),
        ("base/values.yaml", ["base", "old"]),
        ("values_overrides/alone/new.yaml", ["alone"]),
        ("README.md", []),
    ],
)
def test_a_file_affects_its_chart_and_all_dependents(tree: Path, file: str, charts: list[str]) -> None:
    (tree / file).parent.mkdir(parents=True, exist_ok=True)
    (tree / file).write_text("a: 2\n")
    assert _changed(tree) == charts


def test_an_override_that_a_convention_of_the_user_names_affects_its_chart(tree: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "conventions").mkdir(parents=True)
    (data / "conventions" / "toy.yaml").write_text(
        "name: toy\nimages: pictures\npull_policy: pull\ndb_drop: drop\noverrides: ['../sites/{chart}.yaml']\n"
    )
    _git(tree, "add", "-A")
    _git(tree, "commit", "-qm", "data")
    (tree / "sites").mkdir()
    (tree / "sites" / "alone.yaml").write_text("a: 2\n")
    targets = find_targets([tree], data=DataPath(folders=(data,)))
    assert [target.name for target in changed.changed_since(targets, "HEAD")] == ["alone"]
    assert _changed(tree, "HEAD") == []


def test_a_committed_and_a_removed_file_count_too(tree: Path) -> None:
    _git(tree, "checkout", "-q", "-b", "mine")
    (tree / "alone" / "values.yaml").unlink()
    _git(tree, "commit", "-qam", "second")
    assert _changed(tree) == ["alone"]


def test_changes_on_the_other_branch_since_the_merge_base_do_not_count(tree: Path) -> None:
    _git(tree, "branch", "mine")
    (tree / "lib" / "values.yaml").write_text("a: 2\n")
    _git(tree, "commit", "-qam", "theirs")
    _git(tree, "checkout", "-q", "mine")
    assert _changed(tree) == []


def test_a_change_of_a_library_outside_the_given_paths_counts(tree: Path) -> None:
    (tree / "lib" / "values.yaml").write_text("a: 2\n")
    found = changed.changed_since(find_targets([tree / "api", tree / "alone"]), "main")
    assert [target.name for target in found] == ["api"]


def test_changed_works_from_a_git_hook(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert _changed(tree) == []


@pytest.mark.parametrize("reference", ["nowhere", "--output=x", ""])
def test_an_unknown_git_reference_is_a_usage_error(tree: Path, reference: str) -> None:
    with pytest.raises(UsageError, match="commit"):
        _changed(tree, reference)


def test_a_tree_without_git_is_a_usage_error(tmp_path: Path) -> None:
    _chart(tmp_path, "alone")
    with pytest.raises(UsageError, match="git"):
        _changed(tmp_path)


def test_a_tree_without_changes_exits_with_0(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tree), "--since", "main"]) == 0
    assert "0 of 6 charts" in capsys.readouterr().out


def _named(*names: str) -> list[ChartTarget]:
    return [ChartTarget(name=name, label=name, path=Path(name)) for name in names]


def test_shards_partition_the_charts_and_keep_each_chart_in_its_shard() -> None:
    names = [f"chart-{number}" for number in range(80)]
    shards = [find.in_shard(_named(*names), f"{index}/4") for index in range(1, 5)]
    assert sorted(target.name for shard in shards for target in shard) == sorted(names)
    assert min(len(shard) for shard in shards) >= 12
    fewer = find.in_shard(_named(*names[:40]), "2/4")
    assert {target.name for target in fewer} == {target.name for target in shards[1]} & set(names[:40])


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_malformed_shard_is_a_usage_error(shard: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        find.in_shard([], shard)
