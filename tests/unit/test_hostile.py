"""Charts that nobody should trust: each is an error of its own, says why, and leaves all else alone."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helm_program import HELM, needs_helm

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.options import CheckOptions
from osh_conformance.errors import SuiteError
from osh_conformance.model.finding import Status
from osh_conformance.render.workers import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LIMITS = Limits(step=15.0, total=40.0)
_VALUES = "images: {api: docker.io/library/api:1.0.0, pull_policy: IfNotPresent}\n"
_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - {name: api, image: {{ .Values.images.api }}, imagePullPolicy: {{ .Values.images.pull_policy }}}
"""


def _chart(folder: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """Write a chart that conforms, but for `files`."""
    written: dict[str, str | bytes] = {
        "Chart.yaml": f"apiVersion: v2\nname: {folder.name}\nversion: 1.0.0\n",
        "values.yaml": _VALUES,
        "templates/pod.yaml": _POD,
        **(files or {}),
    }
    for path, content in written.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def _engine(path: Path, renderer: str | None = None) -> StaticEngine:
    helm = Path(HELM) if HELM else None
    engine = StaticEngine(
        CheckOptions(paths=(path,), cache=False, limits=_LIMITS, renderer=renderer, helm_program=helm)
    )
    engine.expect(engine.targets)
    return engine


def _said(engine: StaticEngine, label: str) -> str:
    (target,) = [target for target in engine.targets if target.label == label]
    result = engine.result(target, "REF-1")
    if isinstance(result.failure, SuiteError):
        return str(result.failure)
    # Only the status: a failure must not write out what the test makes sure is never written out.
    return pytest.fail(f"{label} was judged: {result.event.check.status}", pytrace=False)


_ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))

_BAD: dict[str, tuple[dict[str, str | bytes], str]] = {
    "unparsed": ({"values.yaml": "images: {api: 1\n"}, "values.yaml:2: does not parse"),
    "twice": ({"values.yaml": "a: 1\nb: 2\na: 3\n"}, "values.yaml:3: the key a is there twice, first in line 1"),
    "no-mapping": ({"values.yaml": "- a\n"}, "values.yaml: not a mapping"),
    "aliases": ({"values.yaml": _ALIASES}, "values.yaml: aliases that stand for"),
    "nested": ({"values.yaml": "a: " + "[" * 50_000}, "values.yaml:1: nested more than"),
    "latin": ({"values.yaml": b"a: \xe9\n"}, "values.yaml: not UTF-8 (byte 3)"),
    "latin-template": ({"templates/a.yaml": b"a: \xe9\n"}, "templates/a.yaml: not UTF-8"),
    "list": ({"values.yaml": "images: [a, b]\n"}, "`images` is a list"),
    "word": ({"values.yaml": "images: docker.io/library/a:1\n"}, "`images` is a single value"),
    "failing": ({"templates/a.yaml": '{{ fail "as it was told" }}'}, "as it was told"),
    "no-template": ({"templates/a.yaml": "{{ .Values.x "}, "unclosed action"),
    "recursive": (
        {"templates/a.yaml": '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}'},
        "does not render",
    ),
    "broken-output": ({"templates/a.yaml": "a: [1\n"}, "templates/a.yaml:2: does not parse"),
    "aliases-rendered": ({"templates/a.yaml": _ALIASES}, "templates/a.yaml: aliases that stand for"),
    "nested-rendered": ({"templates/a.yaml": "a: " + "[" * 50_000}, "templates/a.yaml:1: nested more than"),
    "dns": (
        {"templates/a.yaml": 'a: b\n---\na: {{ getHostByName "example.org" }}'},
        "templates/a.yaml:3: getHostByName looks up a name in DNS",
    ),
    "dns-in-values": ({"values.yaml": 'a: "{{ getHostByName `x` }}"\n'}, "values.yaml:1: getHostByName"),
    "remote": (
        {
            "Chart.yaml": "apiVersion: v2\nname: remote\nversion: 1.0.0\ndependencies: [{name: far, repository: 'https://x.invalid'}]\n"
        },
        "fix        helm dependency build",
    ),
    "outside": (
        {
            "Chart.yaml": "apiVersion: v2\nname: outside\nversion: 1.0.0\ndependencies: [{name: far, repository: 'file:///etc'}]\n"
        },
        "file:///etc leads out of",
    ),
    "itself": (
        {
            "Chart.yaml": "apiVersion: v2\nname: itself\nversion: 1.0.0\ndependencies: [{name: x, repository: 'file://.'}]\n"
        },
        "depends on itself",
    ),
    "path-name": ({"Chart.yaml": "apiVersion: v2\nname: ../../x\nversion: 1.0.0\n"}, "is a path"),
    "path-dependency": (
        {"Chart.yaml": "apiVersion: v2\nname: x\ndependencies: [{name: ../../x}]\n"},
        "'../../x' is a path",
    ),
    "large-file": ({"files/large": b"x" * (5 * 1024**2 + 1)}, "at most 5 MiB a file"),
}


def test_each_bad_chart_is_an_error_and_the_others_go_on(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name, (files, _) in _BAD.items():
        _chart(tree / name, files)
    _chart(tree / "a-good-one")
    _chart(tree / "z-good-one")
    engine = _engine(tree)
    label = {target.folder.rstrip("/"): target.label for target in engine.targets}
    wrong = {name: said for name, (_, expected) in _BAD.items() if expected not in (said := _said(engine, label[name]))}
    assert wrong == {}
    for good in ("a-good-one", "z-good-one"):
        (target,) = [target for target in engine.targets if target.label == good]
        assert {engine.result(target, rule).event.check.status for rule in ("REF-1", "KEY-1", "PP-1")} == {Status.PASS}


_ENDLESS = "{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}"
_HUNGRY = "{{ range until 100000000 }}\na: {{ . }}\n{{ end }}"
_HUGE = "{{ $x := repeat 1000000 `x` }}{{ range until 40 }}\n---\na: {{ $x }}\n{{ end }}"


@pytest.mark.parametrize(
    "renderer",
    ["sdk", pytest.param("helm", marks=needs_helm)],
)
def test_what_takes_too_much_is_ended_and_the_others_go_on(tmp_path: Path, renderer: str) -> None:
    tree = tmp_path / "tree"
    _chart(tree / "endless", {"templates/a.yaml": _ENDLESS})
    _chart(tree / "hungry", {"templates/a.yaml": _HUNGRY})
    _chart(tree / "huge", {"templates/a.yaml": _HUGE})
    _chart(tree / "good")
    engine = _engine(tree, renderer)
    # Twice as long, and again, where the machine had no time for it.
    assert re.search(r"no end within (15|30|60|120) s", _said(engine, "endless"))
    said = _said(engine, "hungry")
    assert "the process that renders it died" in said or "out of memory" in said or "does not render" in said
    assert "renders 38 MiB of manifests" in _said(engine, "huge")
    (good,) = [target for target in engine.targets if target.label == "good"]
    assert engine.result(good, "REF-1").event.check.status is Status.PASS
    assert not _programs()


def _programs() -> list[str]:
    """The `helm` programs that still run for a chart of this process."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if b"template" in words and any(b"osh-conformance-render-" in word for word in words):
            stat = (folder / "stat").read_text()
            found.append(stat) if _is_ours(int(stat.rpartition(")")[2].split()[1])) else None
    return found


def _is_ours(pid: int) -> bool:
    return pid in {1, os.getpid()}


def _archive(file: Path, members: Callable[[tarfile.TarFile], None]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for path, text in (("a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"), ("a/values.yaml", _VALUES)):
            _add(tar, path, text.encode())
        members(tar)
    return file


def _add(tar: tarfile.TarFile, path: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(path)
    info.size, info.type, info.linkname = len(data), kind, link
    tar.addfile(info, io.BytesIO(data))


def _bomb(tar: tarfile.TarFile) -> None:
    for number in range(20):
        _add(tar, f"a/files/{number}", bytes(4 * 1024**2))


def _many(tar: tarfile.TarFile) -> None:
    for number in range(10_001):
        _add(tar, f"a/files/{number}")


_ARCHIVES: dict[str, tuple[Callable[[tarfile.TarFile], None], str]] = {
    "up": (lambda tar: _add(tar, "a/../../escaped", b"x"), "leads out of the archive"),
    "absolute": (lambda tar: _add(tar, "/tmp/escaped", b"x"), "leads out of the archive"),  # noqa: S108
    "backslash": (lambda tar: _add(tar, "a\\..\\escaped", b"x"), "leads out of the archive"),
    "symlink": (lambda tar: _add(tar, "a/templates/x.yaml", kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
    "hardlink": (lambda tar: _add(tar, "a/templates/x.yaml", kind=tarfile.LNKTYPE, link="/etc/passwd"), "is a link"),
    "device": (lambda tar: _add(tar, "a/zero", kind=tarfile.CHRTYPE), "neither file nor folder"),
    "bomb": (_bomb, "more than 64 MiB"),
    "large": (lambda tar: _add(tar, "a/large", bytes(6 * 1024**2)), "at most 5 MiB a file"),
    "many": (_many, "more than 10000 files"),
    "other": (lambda tar: _add(tar, "b/Chart.yaml", b"name: b\n"), "not a packaged chart"),
}


def test_archives_that_lie_are_refused_and_nothing_is_unpacked(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, (members, _) in _ARCHIVES.items():
        _archive(tree / f"{name}-1.0.0.tgz", members)
    (tree / "garbage-1.0.0.tgz").write_bytes(b"no archive")
    _archive(tree / "good-1.0.0.tgz", lambda tar: _add(tar, "a/templates/pod.yaml", _POD.encode()))
    before = _snapshot(tmp_path)
    engine = _engine(tree)
    wrong = {
        name: said
        for name, (_, expected) in _ARCHIVES.items()
        if expected not in (said := _said(engine, f"{name}-1.0.0"))
    }
    assert wrong == {}
    assert "not a packaged chart" in _said(engine, "garbage-1.0.0")
    (good,) = [target for target in engine.targets if target.label == "good-1.0.0"]
    assert engine.result(good, "KEY-1").event.check.status is Status.PASS
    assert _snapshot(tmp_path) == before
    assert not Path("/tmp/escaped").exists()  # noqa: S108


def test_links_lead_nowhere_but_into_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password", encoding="utf-8")
    tree = tmp_path / "below" / "tree"
    links = {"file": "../../../../secret", "absolute": "/etc/passwd", "device": "/dev/zero", "folder": "/etc"}
    for name, target in links.items():
        (_chart(tree / name) / "templates" / "link.yaml").symlink_to(target)
    (_chart(tree / "loop") / "files").symlink_to(".")
    os.mkfifo(_chart(tree / "pipe") / "pipe")
    inside = _chart(tree / "inside")
    (tree / "common.yaml").write_text(_POD.replace("name: api", "name: common"), encoding="utf-8")
    (inside / "templates" / "common.yaml").symlink_to("../../common.yaml")
    engine = _engine(tree)
    for name in links:
        said = _said(engine, name)
        assert "outside of the chart" in said, (name, said)
        assert "password" not in said
    assert "folders deep" in _said(engine, "loop")
    assert "a pipe, socket or device" in _said(engine, "pipe")
    (found,) = [target for target in engine.targets if target.label == "inside"]
    chart = engine.rendered(found)
    assert chart is not None
    assert {container.template for container in chart.containers} == {"templates/pod.yaml", "templates/common.yaml"}


def test_templates_read_no_file_of_the_machine_and_run_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    script = f"#!/bin/sh\ntouch {canary}\n"
    chart = _chart(
        tmp_path / "curious",
        {
            "templates/files.yaml": 'a: {{ .Files.Get "/etc/passwd" | quote }}\n'
            'b: {{ .Files.Get "../../etc/passwd" | quote }}\n',
            "templates/look.yaml": 'a: {{ lookup "v1" "Secret" "default" "x" | toYaml | quote }}\n',
            "files/run.sh": script,
            "hooks/pre-render": script,
            "plugin.yaml": f"name: x\ncommand: touch {canary}\n",
        },
    )
    for name in ("files/run.sh", "hooks/pre-render"):
        (chart / name).chmod(0o755)
    before = _snapshot(tmp_path)
    engine = _engine(chart)
    (target,) = engine.targets
    rendered = engine.rendered(target)
    assert rendered is not None
    documents = {each.template: each.content for each in rendered.renderings["shipped"].documents}
    assert documents["templates/files.yaml"] == {"a": "", "b": ""}
    assert documents["templates/look.yaml"] == {"a": "{}"}
    assert _snapshot(tmp_path) == before
    assert not canary.exists()


def test_a_dependency_is_resolved_beside_the_tree_that_stays_as_it_is(tmp_path: Path) -> None:
    _chart(tmp_path / "tree" / "lib", {"templates/pod.yaml": '{{ define "lib.x" }}x: y{{ end }}', "values.yaml": "{}"})
    dependency = "dependencies: [{name: lib, repository: 'file://../lib', version: '*'}]\n"
    _chart(
        tmp_path / "tree" / "user",
        {
            "Chart.yaml": f"apiVersion: v2\nname: user\nversion: 1.0.0\n{dependency}",
            "templates/x.yaml": '{{ include "lib.x" . }}\n',
        },
    )
    before = _snapshot(tmp_path)
    engine = _engine(tmp_path / "tree" / "user")
    (target,) = engine.targets
    assert engine.result(target, "KEY-1").event.check.status is Status.PASS
    assert _snapshot(tmp_path) == before


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


@pytest.fixture(autouse=True)
def _nothing_stays_in_the_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No test of this file writes to the user's cache."""
    cache = tmp_path.parent / f"{tmp_path.name}-cache"
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(cache))
    yield
    assert not cache.exists()
