"""The grades of tags, and the example in the document that states the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.finding import Status
from osh_conformance.rules.shared.tags import Hold, grade

if TYPE_CHECKING:
    from pathlib import Path

#: The example of the document that stated the rule, of 2017-09-25, verbatim. It has no db_drop yet.
_HEAT = """\
    images:
      dep_check: quay.io/stackanetes/kubernetes-entrypoint:v0.1.1
      db_init: quay.io/stackanetes/stackanetes-kolla-toolbox:newton
      db_sync: docker.io/kolla/ubuntu-source-heat-api:3.0.1
      ks_user: quay.io/stackanetes/stackanetes-kolla-toolbox:newton
      ks_service: quay.io/stackanetes/stackanetes-kolla-toolbox:newton
      ks_endpoints: quay.io/stackanetes/stackanetes-kolla-toolbox:newton
      api: docker.io/kolla/ubuntu-source-heat-api:3.0.1
      cfn: docker.io/kolla/ubuntu-source-heat-api:3.0.1
      cloudwatch: docker.io/kolla/ubuntu-source-heat-api:3.0.1
      engine: docker.io/kolla/ubuntu-source-heat-engine:3.0.1
      pull_policy: "IfNotPresent"
"""
#: The same document in 2025. Its dep_check follows the newest build.
_HEAT_TODAY = """\
    images:
      tags:
        bootstrap: docker.io/openstackhelm/heat:ocata
        db_init: docker.io/openstackhelm/heat:ocata
        db_sync: docker.io/kolla/ubuntu-source-heat-api:ocata
        db_drop: docker.io/openstackhelm/heat:ocata
        ks_user: docker.io/openstackhelm/heat:ocata
        ks_service: docker.io/openstackhelm/heat:ocata
        ks_endpoints: docker.io/openstackhelm/heat:ocata
        api: docker.io/kolla/ubuntu-source-heat-api:ocata
        cfn: docker.io/kolla/ubuntu-source-heat-api:ocata
        engine: docker.io/openstackhelm/heat:ocata
        dep_check: quay.io/airshipit/kubernetes-entrypoint:latest-ubuntu_focal
      pull_policy: "IfNotPresent"
"""


@pytest.mark.parametrize(
    "tag",
    [
        *("latest-ubuntu_noble", "master", "master-ubuntu_bionic", "main-1.2.3", "stable", "stable-noble", "edge"),
        *("2026.1-ubuntu_noble", "2025.1-ubuntu_noble_loci", "2025.1", "ubuntu-xenial-ocata", "stein-18.04-sriov"),
        *("ocata-unstable", "rocky-ubuntu_xenial", "stable-latest"),
        *("1.27.x", "v2.x-alpine", "daily-jammy"),
    ],
)
def test_a_moving_tag_floats(tag: str) -> None:
    assert grade(tag).hold is Hold.FLOATS


@pytest.mark.parametrize(
    "tag",
    [
        *("2", "v3", "29", "jammy", "ubuntu_noble", "22.04", "alpine3.18", "1-alpine", "newton", "ocata", "rocky-9"),
        *("foo", "r50", "alpine-3.18", "ubuntu_22_04", "centos_7_9", "debian-12", "12-debian-12", "17-management"),
    ],
)
def test_an_ambiguous_tag_is_unclear(tag: str) -> None:
    assert grade(tag).hold is Hold.UNCLEAR


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "1.2.3",
            "v0.1.1",
            "3.0.3",
            "9.5",
            "17.07.0",
            "3.13-management",
            "11.4.8-noble",
            "1.27-alpine3.18",
            "2024.10",
        ),
        *("2023.1.2", "0.9.0-beta.8", "1.2.3-stable", "2.6.8-debian-12", "RELEASE.2024-01-02T00-00-00Z"),
        *(
            "2026.1-ubuntu_noble-20260801",
            "ubuntu_jammy_20.2.1-1-20260407",
            "latest-20260101",
            "v1.0.0-20200311-160233",
        ),
        *("1a2b3c4", "sha-1a2b3c4d", "befacaad"),
        *("12-debian-12-r50", "2025.1-ubuntu_noble-r3", "build-77", "4-ls12", "7_6_2-centos_7", "v1_2"),
        *("v20241210113345", "20241210113345123", "1733830425", "ci-17338304"),
    ],
)
def test_a_fixed_tag_is_pinned(tag: str) -> None:
    assert grade(tag).hold is Hold.PINNED


@pytest.mark.parametrize(
    ("tag", "named"),
    [
        ("17-alpine", "17"),
        ("17-alpine3.18", "17"),
        ("alpine-17", "17"),
        ("12-debian-12", "12"),
        ("noble", "distribution"),
    ],
)
def test_the_reason_of_an_unclear_tag_names_what_is_unclear(tag: str, named: str) -> None:
    assert named in grade(tag).reason


def _chart(folder: Path, section: str) -> StaticEngine:
    lines = [line[4:] for line in section.splitlines()]
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: heat\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text("\n".join(lines))
    assert yaml.safe_load((folder / "values.yaml").read_text())["images"]["pull_policy"] == "IfNotPresent"
    return StaticEngine(CheckOptions(paths=(folder,), select=("REF-1,REF-2,REF-3,REF-4,PP-2",)))


def test_the_example_of_the_rule_document_is_clean(tmp_path: Path) -> None:
    engine = _chart(tmp_path / "heat", _HEAT)
    checks = [engine.result(engine.targets[0], rule).event.check for rule in engine.rules]
    assert {check.status for check in checks} == {Status.PASS}


def test_todays_example_fails_only_for_the_tag_that_moves_to_each_build(tmp_path: Path) -> None:
    engine = _chart(tmp_path / "heat", _HEAT_TODAY)
    findings = [found for rule in engine.rules for found in engine.result(engine.targets[0], rule).event.check.findings]
    faults = [(found.rule, found.key) for found in findings if found.status is Status.FAIL]
    assert faults == [("REF-3", "images.tags.dep_check")]
