"""Commits of git repositories, fetched into the cache."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import commits
from osh_conformance.charts.commits import FetchError, GitCommit
from osh_conformance.charts.source import Reader
from osh_conformance.errors import SuiteError
from tests.unit.charts.repositories import commit, git, repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository with the charts `api` and `lib`."""
    (tmp_path / "upstream").mkdir()
    repository(tmp_path / "upstream")
    return tmp_path / "upstream"


def _head(upstream: Path, repository: str = "") -> GitCommit:
    return GitCommit.of(repository or str(upstream), git(upstream, "rev-parse", "HEAD"), upstream.parent)


def test_a_commit_is_fetched_with_all_that_a_chart_depends_on(upstream: Path, cache: Path) -> None:
    place = _head(upstream).fetch()
    assert place == cache / "charts" / git(upstream, "rev-parse", "HEAD")
    assert "charts/lib/Chart.yaml" in Reader().read(place / "api").files
    assert not list((cache / "work").iterdir())


@pytest.mark.parametrize("form", ["{}", "file://{}", "upstream", "./upstream"])
def test_a_repository_is_a_path_or_a_url(upstream: Path, form: str) -> None:
    assert (_head(upstream, form.format(upstream)).fetch() / "api" / "Chart.yaml").is_file()


def test_a_commit_that_no_branch_has_any_more_is_fetched_too(upstream: Path) -> None:
    old = _head(upstream)
    (upstream / "api" / "values.yaml").write_text("images: {}\n")
    git(upstream, "commit", "-qa", "--amend", "-m", "other")
    assert "1.2.3" in (old.fetch() / "api" / "values.yaml").read_text()


def test_a_commit_in_the_cache_needs_no_repository(upstream: Path) -> None:
    source = _head(upstream)
    place = source.fetch()
    shutil.rmtree(upstream)
    assert source.fetch() == place


def test_the_files_are_those_of_the_commit(upstream: Path) -> None:
    """`git archive` would leave out a file with `export-ignore`, and change one with `export-subst`."""
    (upstream / ".gitattributes").write_text("ignored export-ignore\nsame export-subst\n")
    (upstream / "ignored").write_text("a\n")
    (upstream / "same").write_text("$Format:%H$\n")
    commit(upstream)
    place = _head(upstream).fetch()
    assert (place / "ignored").is_file()
    assert (place / "same").read_text() == "$Format:%H$\n"


def test_a_link_out_of_the_commit_is_left_out(upstream: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (upstream / "api" / "out").symlink_to(tmp_path / "secret")
    (upstream / "api" / "up").symlink_to("../../../../secret")
    (upstream / "api" / "inside").symlink_to("../lib")
    (upstream / "api" / "loop").symlink_to("loop")
    commit(upstream)
    place = _head(upstream).fetch()
    assert sorted(path.name for path in (place / "api").iterdir() if path.is_symlink()) == ["inside", "loop"]


def test_nothing_above_the_commit_counts_as_its_repository(upstream: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    place = _head(upstream).fetch()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "Chart.yaml").write_text("name: theirs\n")
    outside = 'dependencies:\n- {name: theirs, version: 1.0.0, repository: "file://../../../../theirs"}\n'
    with (place / "api" / "Chart.yaml").open("a") as file:
        file.write(outside.removeprefix("dependencies:\n"))
    with pytest.raises(SuiteError, match="leads out of"):
        Reader().read(place / "api", place)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def _nothing_is_left(cache: Path) -> bool:
    return not list((cache / "work").glob("*")) and not list((cache / "charts").glob("*"))


def test_a_commit_that_the_repository_lacks(upstream: Path, cache: Path) -> None:
    with pytest.raises(
        FetchError, match=f"{upstream} has no commit 0000000000000000000000000000000000000001"
    ) as caught:
        GitCommit.of(str(upstream), "0" * 39 + "1", upstream).fetch()
    assert caught.value.field == "commit"
    assert _nothing_is_left(cache)


@pytest.mark.parametrize("kind", ["tag", "tree", "blob"])
def test_an_id_of_something_else_than_a_commit(upstream: Path, cache: Path, kind: str) -> None:
    git(upstream, "tag", "-a", "v1", "-m", "first")
    names = {"tag": "v1", "tree": "HEAD:api", "blob": "HEAD:api/values.yaml"}
    with pytest.raises(FetchError) as caught:
        GitCommit.of(str(upstream), git(upstream, "rev-parse", names[kind]), upstream).fetch()
    assert caught.value.field == "commit"
    assert kind in str(caught.value)
    assert _nothing_is_left(cache)


@pytest.mark.parametrize("name", ["main", "v1.0", "0123abc", "-" * 40, "g" * 40, "0" * 41])
def test_a_name_that_is_no_commit_id(upstream: Path, name: str) -> None:
    with pytest.raises(FetchError, match="no commit id") as caught:
        GitCommit.of(str(upstream), name, upstream)
    assert caught.value.field == "commit"


@pytest.mark.parametrize("form", ["https://127.0.0.1:1/charts", "file:///nowhere", "git://127.0.0.1:1/charts"])
def test_a_repository_that_does_not_answer(upstream: Path, cache: Path, form: str) -> None:
    with pytest.raises(FetchError, match="cannot be fetched") as caught:
        _head(upstream, form).fetch()
    assert caught.value.field == "git"
    assert caught.value.details
    assert _nothing_is_left(cache)


def test_a_folder_that_is_no_repository(upstream: Path, cache: Path) -> None:
    with pytest.raises(FetchError, match="cannot be fetched"):
        GitCommit.of(str(upstream / "api" / "templates"), "0" * 40, upstream).fetch()
    assert _nothing_is_left(cache)


@pytest.mark.parametrize(
    "name",
    [
        "--upload-pack=touch pwned",
        "-u",
        "ext::sh -c touch% pwned",
        "fd::17",
        "ftp://example.invalid/charts",
        "ext://touch",
        "ssh://-oProxyCommand=touch/charts",
        "user@-oProxyCommand=touch:charts",
        "https://example.invalid/charts\nx",
        "nowhere",
    ],
)
def test_a_name_that_git_must_not_get(tmp_path: Path, name: str) -> None:
    with pytest.raises(FetchError) as caught:
        GitCommit.of(name, "0" * 40, tmp_path)
    assert caught.value.field == "git"


@pytest.mark.parametrize("login", ["token", "user:password", "a@b"])
def test_a_url_with_a_login_is_refused_and_not_repeated(tmp_path: Path, login: str) -> None:
    with pytest.raises(FetchError, match=r"example\.invalid") as caught:
        GitCommit.of(f"https://{login}@example.invalid/charts", "0" * 40, tmp_path)
    assert login not in str(caught.value)


def test_nothing_that_git_is_configured_to_run_runs(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {mark}\ncat\n")
    program.chmod(0o755)
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    for hook in ("reference-transaction", "post-index-change", "post-checkout"):
        shutil.copy(program, template / "hooks" / hook)
    (upstream / ".gitattributes").write_text("* filter=theirs\n")
    commit(upstream)
    settings = tmp_path / "home" / ".gitconfig"
    settings.parent.mkdir()
    settings.write_text(
        f"[core]\nhooksPath = {template}/hooks\nfsmonitor = {program}\nsshCommand = {program}\naskPass = {program}\n"
        f'[init]\ntemplateDir = {template}\n[filter "theirs"]\nsmudge = {program}\nrequired = true\n'
        f"[uploadpack]\npackObjectsHook = {program}\n[credential]\nhelper = {program}\n"
    )
    monkeypatch.setenv("HOME", str(settings.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    head = GitCommit.of(str(upstream), _head_without_settings(upstream), upstream)
    assert "name: api" in (head.fetch() / "api" / "Chart.yaml").read_text()
    assert not mark.exists()


def _head_without_settings(upstream: Path) -> str:
    return (upstream / ".git" / "refs" / "heads" / "main").read_text().strip()


def test_proxies_and_certificates_stay(upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(
        '[http]\nproxy = http://127.0.0.1:1\n[http "https://example.invalid/"]\nsslCAInfo = /ca \\"x\\".pem\n'
        "[safe]\ndirectory = *\n[core]\nfsmonitor = true\n[credential]\nhelper = store\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    seen: list[str] = []
    original = commits._Git._run

    def run(self: commits._Git, *words: str | Path, **more: object) -> object:
        seen.append(self._configuration.read_text())
        return original(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(commits._Git, "_run", run)
    _head(upstream).fetch()
    kept = git(upstream, "config", "--file", _written(tmp_path, seen[0]), "--list").splitlines()
    assert sorted(kept) == [
        'http.https://example.invalid/.sslcainfo=/ca "x".pem',
        "http.proxy=http://127.0.0.1:1",
        "safe.directory=*",
    ]


def _written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "kept"
    file.write_text(text)
    return str(file)


def test_two_processes_may_fetch_one_commit(upstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _head(upstream)
    original = commits._remove_links_out

    def overtaken(tree: Path) -> None:
        original(tree)
        monkeypatch.setattr(commits, "_remove_links_out", original)
        source.fetch()

    monkeypatch.setattr(commits, "_remove_links_out", overtaken)
    assert (source.fetch() / "api" / "Chart.yaml").is_file()


def test_a_fetch_that_is_interrupted_leaves_nothing(
    upstream: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_tree: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commits, "_remove_links_out", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _head(upstream).fetch()
    assert _nothing_is_left(cache)


def test_a_machine_without_git(upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _head(upstream)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SuiteError, match="cannot run `git`") as caught:
        source.fetch()
    assert caught.value.fix == "install git"


def test_a_slow_fetch_says_so(
    upstream: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commits, "_SLOW", 0.0)
    source = _head(upstream)
    source.fetch()
    assert f"fetch {source.shown}: takes more than" in capsys.readouterr().err
