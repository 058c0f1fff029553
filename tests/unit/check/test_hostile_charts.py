"""A chart with bad files is an error of its own; no chart reads, runs or changes anything on the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.finding import Status
from tests.unit.check.hostile import POD, engine_of, message_of, names_all, snapshot, status_of, target_of, write_chart

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_cache")


_ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))

#: Files of a chart, and what its error names.
_BAD: dict[str, tuple[dict[str, str | bytes], tuple[str, ...]]] = {
    "unparsed": ({"values.yaml": "images: {api: 1\n"}, ("values.yaml:2", "parse")),
    "separator": ({"values.yaml": "a: 1\n---{b: 2}\n"}, ("values.yaml:2", "separator")),
    "no-mapping": ({"values.yaml": "- a\n"}, ("values.yaml", "mapping")),
    "aliases": ({"values.yaml": _ALIASES}, ("values.yaml", "aliases")),
    "nested": ({"values.yaml": "a: " + "[" * 50_000}, ("values.yaml:1", "nested")),
    "latin": ({"values.yaml": b"a: \xe9\n"}, ("values.yaml", "UTF-8", "byte 3")),
    "latin-template": ({"templates/a.yaml": b"a: \xe9\n"}, ("templates/a.yaml", "UTF-8")),
    "list": ({"values.yaml": "images: [a, b]\n"}, ("`images`", "list")),
    "word": ({"values.yaml": "images: docker.io/library/a:1\n"}, ("`images`", "single value")),
    "failing": ({"templates/a.yaml": '{{ fail "on purpose" }}'}, ("on purpose",)),
    "no-template": ({"templates/a.yaml": "{{ .Values.x "}, ("unclosed action",)),
    "recursive": (
        {"templates/a.yaml": '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}'},
        ("recursive", "render"),
    ),
    "broken-output": ({"templates/a.yaml": "a: [1\n"}, ("templates/a.yaml:2", "parse")),
    "aliases-rendered": ({"templates/a.yaml": _ALIASES}, ("templates/a.yaml", "aliases")),
    "nested-rendered": ({"templates/a.yaml": "a: " + "[" * 50_000}, ("templates/a.yaml:1", "nested")),
    "dns": (
        {"templates/a.yaml": 'a: b\n---\na: {{ getHostByName "example.org" }}'},
        ("templates/a.yaml:3", "getHostByName", "DNS"),
    ),
    "dns-in-values": ({"values.yaml": 'a: "{{ getHostByName `x` }}"\n'}, ("values.yaml:1", "getHostByName")),
    "remote": (
        {
            "Chart.yaml": "apiVersion: v2\nname: remote\nversion: 1.0.0\ndependencies: [{name: far, repository: 'https://x.invalid'}]\n"
        },
        ("helm dependency build",),
    ),
    "outside": (
        {
            "Chart.yaml": "apiVersion: v2\nname: outside\nversion: 1.0.0\ndependencies: [{name: far, repository: 'file:///etc'}]\n"
        },
        ("file:///etc", "out of"),
    ),
    "itself": (
        {
            "Chart.yaml": "apiVersion: v2\nname: itself\nversion: 1.0.0\ndependencies: [{name: x, repository: 'file://.'}]\n"
        },
        ("depends on itself",),
    ),
    "path-name": ({"Chart.yaml": "apiVersion: v2\nname: ../../x\nversion: 1.0.0\n"}, ("../../x", "path")),
    "path-dependency": (
        {"Chart.yaml": "apiVersion: v2\nname: x\ndependencies: [{name: ../../x}]\n"},
        ("../../x", "path"),
    ),
    "large-file": ({"files/large": b"x" * (5 * 1024**2 + 1)}, ("files/large", "5 MiB")),
}


def test_a_bad_chart_is_an_error_and_the_others_are_checked(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name, (files, _) in _BAD.items():
        write_chart(tree / name, files)
    write_chart(tree / "a-good-one")
    write_chart(tree / "z-good-one")
    engine = engine_of(tree)
    label = {target.path.name: target.label for target in engine.targets}
    wrong = {
        name: message
        for name, (_, expected) in _BAD.items()
        if not names_all(message := message_of(engine, label[name]), expected)
    }
    assert wrong == {}
    for good in ("a-good-one", "z-good-one"):
        assert {status_of(engine, good, rule) for rule in ("REF-1", "KEY-1", "PP-1")} == {Status.PASS}


def test_a_link_is_followed_only_within_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password", encoding="utf-8")
    tree = tmp_path / "below" / "tree"
    links = {"file": "../../../../secret", "absolute": "/etc/passwd", "device": "/dev/zero", "folder": "/etc"}
    for name, target in links.items():
        (write_chart(tree / name) / "templates" / "link.yaml").symlink_to(target)
    (write_chart(tree / "loop") / "files").symlink_to(".")
    os.mkfifo(write_chart(tree / "pipe") / "pipe")
    inside = write_chart(tree / "inside")
    (tree / "common.yaml").write_text(POD.replace("name: api", "name: common"), encoding="utf-8")
    (inside / "templates" / "common.yaml").symlink_to("../../common.yaml")
    engine = engine_of(tree)
    for name in links:
        message = message_of(engine, name)
        assert "outside" in message, (name, message)
        assert "password" not in message
    assert "deep" in message_of(engine, "loop")
    assert "pipe" in message_of(engine, "pipe")
    chart = engine.rendered(target_of(engine, "inside"))
    assert chart is not None
    assert {container.template for container in chart.containers} == {"templates/pod.yaml", "templates/common.yaml"}


def test_templates_read_no_file_of_the_machine_and_run_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    script = f"#!/bin/sh\ntouch {canary}\n"
    chart = write_chart(
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
    before = snapshot(tmp_path)
    engine = engine_of(chart)
    (target,) = engine.targets
    rendered = engine.rendered(target)
    assert rendered is not None
    documents = {each.template: each.content for each in rendered.renderings["shipped"].documents}
    assert documents["templates/files.yaml"] == {"a": "", "b": ""}
    assert documents["templates/look.yaml"] == {"a": "{}"}
    assert snapshot(tmp_path) == before
    assert not canary.exists()


def test_a_dependency_is_resolved_without_changing_the_tree(tmp_path: Path) -> None:
    write_chart(
        tmp_path / "tree" / "lib", {"templates/pod.yaml": '{{ define "lib.x" }}x: y{{ end }}', "values.yaml": "{}"}
    )
    dependency = "dependencies: [{name: lib, repository: 'file://../lib', version: '*'}]\n"
    write_chart(
        tmp_path / "tree" / "user",
        {
            "Chart.yaml": f"apiVersion: v2\nname: user\nversion: 1.0.0\n{dependency}",
            "templates/x.yaml": '{{ include "lib.x" . }}\n',
        },
    )
    before = snapshot(tmp_path)
    engine = engine_of(tmp_path / "tree" / "user")
    (target,) = engine.targets
    assert engine.result(target, "KEY-1").event.check.status is Status.PASS
    assert snapshot(tmp_path) == before
