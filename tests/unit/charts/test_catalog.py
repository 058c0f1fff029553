"""`catalog.yaml`: charts from anywhere, and every mistake with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.find import find_targets
from osh_conformance.config.expectations import of_catalog
from osh_conformance.errors import ExitCode, UsageError
from osh_conformance.loading.search import DataPath
from tests.unit.charts.repositories import chart, commit, git, repository

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget

pytestmark = pytest.mark.usefixtures("cache")
_HEAD = "osh_conformance_catalog: 1\ncharts:\n"


@pytest.fixture
def upstream(tmp_path: Path) -> str:
    """The commit of a repository `upstream` with the charts `api` and `lib`, beside the charts `one` and `two`."""
    (tmp_path / "upstream").mkdir()
    for name in ("one", "two"):
        chart(tmp_path / name)
    return repository(tmp_path / "upstream")


def _found(tmp_path: Path, entries: str, *paths: Path, **more: object) -> tuple[ChartTarget, ...]:
    file = tmp_path / "catalog.yaml"
    file.write_text(_HEAD + entries)
    return find_targets(paths, catalog_file=file, **more)  # type: ignore[arg-type]


def _error(tmp_path: Path, entries: str, *paths: Path, **more: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        _found(tmp_path, entries, *paths, **more)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message.startswith(f"{tmp_path}/catalog.yaml:")
    return caught.value


def _line(tmp_path: Path, error: UsageError) -> str:
    """The text of the line that an error names."""
    number = error.message.removeprefix(f"{tmp_path}/catalog.yaml:").partition(":")[0]
    return (tmp_path / "catalog.yaml").read_text().splitlines()[int(number) - 1].strip()


# -- what works -------------------------------------------------------------------------------------------------------


def test_without_a_path_all_charts_of_the_catalog_are_found(tmp_path: Path, upstream: str) -> None:
    entries = f"- path: one\n  values: {{a: 1}}\n- {{git: upstream, commit: {upstream}, path: api, convention: osh}}\n"
    one, api = _found(tmp_path, entries)
    assert (one.name, one.path, one.values, one.folder) == ("one", tmp_path / "one", {"a": 1}, f"{tmp_path}/one/")
    assert (api.name, api.label, api.folder) == ("api", "api", f"{api.path}/")
    assert api.convention is not None
    assert "charts/lib/Chart.yaml" in api.files.files
    assert api.entry is not None
    assert api.entry.origin == f"{tmp_path}/upstream@{upstream[:12]}/api"


def test_an_archive_has_the_name_in_its_chart_file(tmp_path: Path, upstream: str) -> None:
    one = find_targets([tmp_path / "one"])[0]
    (tmp_path / "some-archive.tgz").write_bytes(one.files.packed())
    (target,) = _found(tmp_path, "- path: some-archive.tgz\n")
    assert (target.name, target.label) == ("one", "one")
    assert upstream


def test_a_chart_may_be_the_whole_repository(tmp_path: Path) -> None:
    whole = chart(tmp_path / "whole")
    git(whole, "init", "-q", "-b", "main")
    (target,) = _found(tmp_path, f"- {{git: whole, commit: {commit(whole)}, path: .}}\n")
    assert (target.name, target.folder) == ("whole", f"{target.path}/")
    assert target.files.name == "whole"


def test_with_a_path_the_catalog_describes_that_chart_and_nothing_is_fetched(
    tmp_path: Path, upstream: str, cache: Path
) -> None:
    entries = f"- path: one\n  values: {{a: 1}}\n- {{git: upstream, commit: {upstream}, path: api, needs: [one]}}\n"
    (one,) = _found(tmp_path, entries, tmp_path / "one")
    assert one.values == {"a": 1}
    assert not (cache / "charts").exists()


def test_with_a_path_a_chart_is_fetched_if_it_may_be_needed(tmp_path: Path, upstream: str, cache: Path) -> None:
    entries = f"- {{path: one, needs: [api]}}\n- {{git: upstream, commit: {upstream}, path: api}}\n"
    (one,) = _found(tmp_path, entries, tmp_path / "one")
    assert one.entry is not None
    assert one.entry.needs == ("api",)
    assert (cache / "charts" / upstream).is_dir()


def test_the_place_in_the_cache_is_a_path_of_the_chart(tmp_path: Path, upstream: str, cache: Path) -> None:
    """Commands that reproduce a finding name it."""
    entries = f"- {{git: upstream, commit: {upstream}, path: api, values: {{a: 1}}}}\n"
    _found(tmp_path, entries)
    (api,) = _found(tmp_path, entries, cache / "charts" / upstream / "api")
    assert api.values == {"a": 1}


def test_a_convention_file_is_relative_to_the_catalog(tmp_path: Path, upstream: str) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nimages: images\npull_policy: p\ndb_drop: d\n")
    (one,) = _found(tmp_path, "- {path: one, convention: mine.yaml}\n")
    assert one.convention is not None
    assert one.convention.name == "mine"
    assert upstream


def test_deviations_apply_to_their_own_chart(tmp_path: Path, upstream: str) -> None:
    (tmp_path / "deviations.yaml").write_text(
        "osh_conformance_deviations: 1\ndeviations:\n- {rule: REF-1, reason: a}\n"
        "- {rule: REF-2, reason: a, chart: two}\n"
    )
    targets = _found(tmp_path, "- {path: one, deviations: deviations.yaml}\n- path: two\n")
    assert [(each.rule, each.chart) for each in of_catalog(targets)] == [("REF-1", "one")]
    assert upstream


def test_needs_may_form_a_diamond(tmp_path: Path, upstream: str) -> None:
    chart(tmp_path / "three")
    entries = "- {path: one, needs: [two, three]}\n- {path: two, needs: [three]}\n- {path: three, helm_test: true}\n"
    assert [target.name for target in _found(tmp_path, entries)] == ["one", "two", "three"]
    assert upstream


# -- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "line", "message"),
    [
        ("- path: one\n- path: ./two/../one\n", "- path: ./two/../one", "one is there twice, first in *catalog.yaml:3"),
        ("- path: one\n- path: copy\n", "- path: copy", "a chart called `one` is there twice, first in *yaml:3"),
        ("- path: nowhere\n", "- path: nowhere", "nowhere does not exist"),
        ("- path: upstream\n", "- path: upstream", "upstream is no chart: it has no Chart.yaml"),
        ("- path: one\n  needs:\n  - two\n  - twoo\n- path: two\n", "- twoo", "called `twoo`: did you mean `two`?"),
        ("- path: one\n  needs: [one]\n", "needs: [one]", "a cycle: one -> one"),
        (
            "- path: one\n  infrastructure: [mariadbb]\n",
            "infrastructure: [mariadbb]",
            "`mariadbb`: did you mean `mar*`?",
        ),
        ("- path: one\n  infrastructure: [one]\n", "infrastructure: [one]", "no server `one`"),
        ("- path: one\n  convention: oshh\n", "convention: oshh", "no convention `oshh`: did you mean `osh`?"),
        ("- path: one\n  need: [two]\n", "need: [two]", "no field `need`: did you mean `needs`?"),
        ("- path: one\n  helm_test: maybe\n", "helm_test: maybe", "expected `bool`"),
        ("- path: one\n  deviations: none.yaml\n", "deviations: none.yaml", "none.yaml does not exist"),
        ("- path: one\n  commit: {commit}\n", "commit: {commit}", "`git` is missing"),
        ("- path: api\n  git: upstream\n", "git: upstream", "`commit` is missing"),
        ("- path: /api\n  git: upstream\n  commit: {commit}\n", "- path: /api", "/api is absolute, and `git` names"),
        ("- path: ../api\n  git: upstream\n  commit: {commit}\n", "- path: ../api", "leads out of the repository"),
        ("- path: a/../..\n  git: upstream\n  commit: {commit}\n", "- path: a/../..", "leads out of the repository"),
        ("- path: api\n  git: upstream\n  commit: main\n", "commit: main", "`main` is no commit id"),
        ("- path: api\n  git: --all\n  commit: {commit}\n", "git: --all", "`--all` is no repository"),
        ("- path: api\n  git: nowhere\n  commit: {commit}\n", "git: nowhere", "nowhere does not exist"),
        ("- path: api\n  git: file:///nowhere\n  commit: {commit}\n", "git: file:///nowhere", "cannot be fetched"),
        ("- path: api\n  git: upstream\n  commit: {absent}\n", "commit: {absent}", "upstream has no commit {absent}"),
        ("- path: api\n  git: upstream\n  commit: {digits}\n", "commit: {digits}", "a number"),
        ("- path: apy\n  git: upstream\n  commit: {commit}\n", "- path: apy", "upstream@{short} has no apy"),
        ("- path: .\n  git: upstream\n  commit: {commit}\n", "- path: .", "upstream@{short}/. is no chart"),
    ],
)
def test_a_mistake_names_its_line_and_its_field(
    tmp_path: Path, upstream: str, entries: str, line: str, message: str
) -> None:
    words = {"{commit}": upstream, "{absent}": "0" * 39 + "a", "{digits}": "1" * 40, "{short}": upstream[:12]}
    for word, text in words.items():
        entries, line, message = (each.replace(word, text) for each in (entries, line, message))
    chart(tmp_path / "copy", "one")
    error = _error(tmp_path, entries)
    assert _line(tmp_path, error) == line
    for part in message.split("*"):
        assert part in error.message
    assert error.expected or "exist" in error.message or "expected" in error.message


def test_a_cycle_is_named_from_one_chart_to_the_next(tmp_path: Path, upstream: str) -> None:
    chart(tmp_path / "three")
    entries = "- {path: one, needs: [two]}\n- {path: two, needs: [three]}\n- {path: three, needs: [one]}\n"
    message = _error(tmp_path, entries).message
    assert any(f"a cycle: {cycle}" in message for cycle in ("one -> two -> three -> one", "two -> three -> one -> two"))
    assert upstream


def test_one_chart_of_a_commit_twice_is_an_error_whatever_the_repository_is_called(
    tmp_path: Path, upstream: str
) -> None:
    entry = f"commit: {upstream}, path: api}}\n"
    error = _error(tmp_path, f"- {{git: upstream, {entry}- {{git: 'file://{tmp_path}/upstream', {entry}")
    assert f"@{upstream[:12]}/api is there twice" in error.message


def test_a_component_without_values_in_the_convention_is_an_error(tmp_path: Path, upstream: str) -> None:
    conventions = tmp_path / "data" / "conventions"
    conventions.mkdir(parents=True)
    (conventions / "bare.yaml").write_text("name: bare\nimages: images\npull_policy: p\ndb_drop: d\n")
    data = DataPath(folders=(tmp_path / "data",))
    entries = "- {path: one, convention: bare, infrastructure: [mariadb]}\n"
    error = _error(tmp_path, entries, data=data)
    assert "the convention `bare` has no values for `mariadb`" in error.message
    assert "infrastructure.mariadb" in error.fix
    # The values of this chart are in a layout that has them.
    assert _found(tmp_path, "- {path: one, infrastructure: [mariadb]}\n", data=data)
    assert upstream


def test_with_a_path_too_a_mistake_is_a_usage_error(tmp_path: Path, upstream: str) -> None:
    error = _error(tmp_path, "- {path: one, needs: [twoo]}\n- path: two\n", tmp_path / "one")
    assert "did you mean `two`?" in error.message
    assert upstream


def test_a_mistake_in_the_catalog_beside_a_chart_is_a_usage_error(tmp_path: Path, upstream: str) -> None:
    (tmp_path / "catalog.yaml").write_text(f"{_HEAD}- {{path: one, flavour: kolla}}\n")
    with pytest.raises(UsageError, match="did you mean `flavor`"):
        find_targets([tmp_path / "one"])
    assert upstream


def test_a_chart_that_cannot_be_read_is_an_error_of_that_chart(tmp_path: Path, upstream: str) -> None:
    (tmp_path / "two" / "Chart.yaml").write_text("{")
    one, two = _found(tmp_path, "- path: one\n- path: two\n")
    assert one.error is None
    assert two.error is not None
    assert upstream


@pytest.mark.parametrize("text", ["charts: []\n", "a: [\n", "[]\n", "osh_conformance_catalog: 2\ncharts: []\n"])
def test_a_file_that_is_no_catalog(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalog.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"catalog\.yaml"):
        find_targets([], catalog_file=tmp_path / "catalog.yaml")
