"""Repairs in values: REF-1 writes registry hosts, REF-4 quotes numbers, and the layout of the file stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.repairs.charts import VALUES, container, deployment, fix, plan, reasons, write

if TYPE_CHECKING:
    from pathlib import Path

_TWO = deployment(container(), container("web", "web"))
_NUMBER = {"templates/api.yaml": deployment(container().replace(".api }}", ".api }}:{{ .Values.release }}"))}


def _values(tail: str) -> str:
    return f"images:\n  pull_policy: IfNotPresent\n{tail}"


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("example/api:1.2.3", "docker.io/example/api:1.2.3"),
        ("nginx:1.29.8", "docker.io/library/nginx:1.29.8"),
        ("docker.io/nginx:1.29.8", "docker.io/library/nginx:1.29.8"),
        ("'example/api:1.2.3'", "'docker.io/example/api:1.2.3'"),
        ('"example/api:1.2.3"   # why', '"docker.io/example/api:1.2.3"   # why'),
        ("!!str example/api:1.2.3", "!!str docker.io/example/api:1.2.3"),
        ("example/api:1.2.3\t# a tab", "docker.io/example/api:1.2.3\t# a tab"),
        ("example/api@sha256:" + "a" * 64, "docker.io/example/api@sha256:" + "a" * 64),
    ],
)
def test_a_reference_gets_its_registry_host(tmp_path: Path, written: str, fixed: str) -> None:
    chart = write(tmp_path, {"values.yaml": _values(f"  api: {written}\n")})
    fix(chart, "REF-1")
    assert (chart / "values.yaml").read_text() == _values(f"  api: {fixed}\n")


def test_values_in_flow_style_keep_it(tmp_path: Path) -> None:
    text = "images: {pull_policy: IfNotPresent,  api: example/api:1.2.3 , }\n"
    chart = write(tmp_path, {"values.yaml": text})
    fix(chart, "REF-1")
    assert (chart / "values.yaml").read_text() == text.replace("example", "docker.io/example")


@pytest.mark.parametrize("layout", ["crlf", "bom", "no newline", "all"])
def test_line_ends_and_marks_stay(tmp_path: Path, layout: str) -> None:
    text = _values("  # the service\n  api: example/api:1.2.3\n")
    data = text.encode()
    data = data.replace(b"\n", b"\r\n") if layout in ("crlf", "all") else data
    data = b"\xef\xbb\xbf" + data if layout in ("bom", "all") else data
    data = data.rstrip(b"\r\n") if layout in ("no newline", "all") else data
    chart = write(tmp_path, {"values.yaml": data})
    fix(chart, "REF-1")
    assert (chart / "values.yaml").read_bytes() == data.replace(b"example", b"docker.io/example")


def test_a_repository_beside_its_tag_gets_the_host(tmp_path: Path) -> None:
    text = "image:\n  repository: nginx  # ours\n  tag: 1.29.8\n  pullPolicy: Always\n"
    template = deployment(
        "        - name: api\n          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}\n"
        "          imagePullPolicy: {{ .Values.image.pullPolicy }}\n"
    )
    chart = write(tmp_path, {"values.yaml": text, "templates/api.yaml": template})
    fix(chart, "REF-1")
    assert (chart / "values.yaml").read_text() == text.replace("nginx", "docker.io/library/nginx")


def test_an_empty_registry_may_be_where_the_host_belongs(tmp_path: Path) -> None:
    text = "global:\n  imageRegistry: ''\n" + _values("  api: example/api:1.2.3\n")
    outcome = plan(write(tmp_path, {"values.yaml": text}), "REF-1")
    assert reasons(outcome) == ["the host may belong to global.imageRegistry, which is empty"]
    assert not outcome.changes


def test_an_alias_is_repaired_once_where_all_its_uses_need_it(tmp_path: Path) -> None:
    text = _values("  api: &all example/api:1.2.3\n  web: *all\n")
    chart = write(tmp_path, {"values.yaml": text, "templates/api.yaml": _TWO})
    outcome = fix(chart, "REF-1")
    assert (chart / "values.yaml").read_text() == text.replace("example", "docker.io/example")
    assert sorted(f.key for each in outcome.repairs for f in each.repair.findings) == ["images.api", "images.web"]


def test_an_alias_with_another_use_stays(tmp_path: Path) -> None:
    text = _values("  api: &all example/api:1.2.3\nmirror_of: *all\n")
    chart = write(tmp_path, {"values.yaml": text})
    assert reasons(fix(chart, "REF-1")) == ["an alias repeats the value at mirror_of, which has no such finding"]
    assert (chart / "values.yaml").read_text() == text


def test_a_merge_with_another_use_stays(tmp_path: Path) -> None:
    text = "base: &base\n  api: example/api:1.2.3\nimages:\n  <<: *base\n  pull_policy: IfNotPresent\n"
    chart = write(tmp_path, {"values.yaml": text})
    assert "an alias repeats the value at base.api" in reasons(fix(chart, "REF-1"))[0]
    assert (chart / "values.yaml").read_text() == text


@pytest.mark.parametrize(
    "line",
    ["  api: >-\n    example/api:1.2.3\n", '  api: "\\x65xample/api:1.2.3"\n', '  api: "example\\\n    /api:1.2.3"\n'],
)
def test_a_text_that_is_not_written_as_it_is_read_stays(tmp_path: Path, line: str) -> None:
    chart = write(tmp_path, {"values.yaml": _values(line)})
    assert len(fix(chart, "REF-1").refusals) == 1
    assert (chart / "values.yaml").read_text() == _values(line)


def test_values_of_two_documents_stay(tmp_path: Path) -> None:
    text = _values("  api: example/api:1.2.3\n") + "---\nother: true\n"
    chart = write(tmp_path, {"values.yaml": text})
    assert reasons(fix(chart, "REF-1")) == ["the file has several documents"]


def test_a_key_that_is_there_twice_stays(tmp_path: Path) -> None:
    text = _values("  api: example/api:1.2.3\n  api: example/api:1.2.3\n")
    chart = write(tmp_path, {"values.yaml": text})
    assert "twice" in reasons(fix(chart, "REF-1"))[0]
    assert (chart / "values.yaml").read_text() == text


def test_an_override_inside_of_the_chart_is_repaired_in_every_key(tmp_path: Path) -> None:
    override = "images:\n  api: example/api:2.0.0\n  web: 'example/api:2.0.0'\n"
    values = VALUES + "  web: docker.io/example/web:1.2.3\n"
    chart = write(
        tmp_path,
        {"values.yaml": values, "templates/api.yaml": _TWO, "values_overrides/next.yaml": override},
    )
    fix(chart, "REF-1")
    assert (chart / "values_overrides/next.yaml").read_text() == override.replace("example", "docker.io/example")


def test_an_override_outside_of_the_chart_stays(tmp_path: Path) -> None:
    chart = write(tmp_path, {})
    override = tmp_path / "values_overrides" / "chart" / "next.yaml"
    override.parent.mkdir(parents=True)
    override.write_text("images:\n  api: example/api:2.0.0\n")
    assert reasons(fix(chart, "REF-1")) == ["the file is outside of the chart"]
    assert override.read_text() == "images:\n  api: example/api:2.0.0\n"


@pytest.mark.parametrize("written", ["1.10", "&v 1.10", "20240101"])
def test_a_number_gets_quotes(tmp_path: Path, written: str) -> None:
    values = "images:\n  pull_policy: IfNotPresent\n  api: docker.io/example/api\n"
    number = written.rpartition(" ")[2]
    chart = write(tmp_path, {**_NUMBER, "values.yaml": f"{values}release: {written}  # next\n"})
    fix(chart, "REF-4")
    quoted = written.replace(number, f'"{number}"')
    assert (chart / "values.yaml").read_text() == f"{values}release: {quoted}  # next\n"


def test_a_number_that_an_alias_repeats_stays(tmp_path: Path) -> None:
    values = "images:\n  pull_policy: IfNotPresent\n  api: docker.io/example/api\nrelease: &v 1.10\nratio: *v\n"
    chart = write(tmp_path, {**_NUMBER, "values.yaml": values})
    assert reasons(fix(chart, "REF-4")) == ["an alias repeats the value at ratio, which has no such finding"]
    assert (chart / "values.yaml").read_text() == values


def test_the_version_of_the_chart_stays(tmp_path: Path) -> None:
    metadata = "apiVersion: v2\nname: chart\nversion: 1.10\nappVersion: 2.10\n"
    image = "docker.io/example/api:{{ .Chart.Version }}-{{ .Chart.AppVersion }}"
    template = deployment(container().replace("{{ .Values.images.api }}", image))
    chart = write(tmp_path, {"Chart.yaml": metadata, "templates/api.yaml": template})
    fix(chart, "REF-4")
    assert (chart / "Chart.yaml").read_text() in (metadata, metadata.replace("2.10", '"2.10"'))


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ('"docker.io/example/api:1.2.3 "', '"docker.io/example/api:1.2.3"'),
        ("' docker.io/example/api:1.2.3'  # why", "'docker.io/example/api:1.2.3'  # why"),
    ],
)
def test_blanks_around_a_reference_are_removed(tmp_path: Path, written: str, fixed: str) -> None:
    template = deployment(container().replace("{{ .Values.images.api }}", "{{ .Values.images.api | quote }}"))
    chart = write(tmp_path, {"values.yaml": _values(f"  api: {written}\n"), "templates/api.yaml": template})
    fix(chart, "REF-4")
    assert (chart / "values.yaml").read_text() == _values(f"  api: {fixed}\n")


def test_another_fault_of_a_reference_stays(tmp_path: Path) -> None:
    chart = write(tmp_path, {"values.yaml": _values("  api: docker.io/Example/api:1.2.3\n")})
    assert reasons(fix(chart, "REF-4")) == ["only an author can say what the reference should be"]
