"""What `setup` would build and start on several kinds of machines."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import pytest

from osh_conformance.folders import Folders
from osh_conformance.plan.doctor import cgroup_version
from osh_conformance.progress import Progress
from osh_conformance.provision import recipes
from osh_conformance.provision.build import Builder
from osh_conformance.provision.machine import MachineInfo, Program
from osh_conformance.provision.registries import Registries
from osh_conformance.provision.tools import RunNeeds, SetupPlan, plan

if TYPE_CHECKING:
    from osh_conformance.provision.docker import Docker


class FakeDocker:
    """A Docker with these images."""

    def __init__(self, *images: str) -> None:
        self.images = images

    def has_image(self, reference: str) -> bool:
        return reference in self.images


NODE = "docker.io/kindest/node"
#: What a connection to Docker Hub shows: an answer, or silence.
REACHED = Registries(_answers={"docker.io": ""})
SILENT = Registries(_answers={"docker.io": "docker.io: no such host"})
LAPTOP = MachineInfo(
    root=False,
    docker=cast("Docker", FakeDocker()),
    docker_version="28.0.0",
    docker_problem="",
    docker_refused=False,
    kind=Program(path=Path("/nowhere/kind"), version="0.33.0"),
    kind_problem="",
    helm=MappingProxyType({4: Program(path=Path("/usr/bin/helm"), version="4.3.1")}),
    registries=REACHED,
    recipes=None,
)
BARE = dataclasses.replace(
    LAPTOP,
    root=True,
    docker=None,
    docker_problem="no docker program on PATH",
    kind=None,
    kind_problem="not on PATH",
    helm=MappingProxyType({}),
    registries=SILENT,
)


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    for name in ("engine", "kind", "helm3", "helm4", "node-image"):
        folder = tmp_path / "recipes" / "offline" / name
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text('summary = "x"\nminutes = 2\ndisk_mib = 10\nfiles = ["x"]\n')
        (folder / "build.sh").write_text("")
    return Builder(
        recipes=recipes.load(tmp_path / "recipes"),
        folders=Folders(cache=tmp_path / "cache", state=tmp_path / "state"),
        progress=Progress(quiet=True),
    )


@pytest.fixture(autouse=True)
def _no_named_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def planned(seen: MachineInfo, builder: Builder | None, *helm: int) -> SetupPlan:
    return plan(seen, builder, RunNeeds(helm=helm or (4,)))


def test_plan_builds_nothing_on_an_ordinary_machine(builder: Builder) -> None:
    found = planned(LAPTOP, builder)
    assert (found.recipes, found.problems, found.start_docker) == ((), (), False)


def test_plan_needs_no_recipes_on_an_ordinary_machine() -> None:
    assert planned(LAPTOP, None).problems == ()


def test_plan_builds_a_missing_helm_without_root(builder: Builder) -> None:
    found = planned(LAPTOP, builder, 3, 4)
    assert [recipe.name for recipe in found.recipes] == ["helm3"]
    assert found.problems == ()


def test_a_bare_machine_with_root_builds_all_with_a_total_estimate(builder: Builder) -> None:
    found = planned(BARE, builder)
    assert {recipe.name for recipe in found.recipes} == {"engine", "kind", "helm4", "node-image"}
    assert (found.start_docker, found.problems) == (True, ())


def test_a_machine_without_engine_and_root_has_one_problem(builder: Builder) -> None:
    found = planned(dataclasses.replace(BARE, root=False), builder)
    assert len(found.problems) == 1
    assert "no docker program on PATH" in found.problems[0]
    assert "root" in found.problems[0]


def test_a_named_node_image_needs_no_registry(builder: Builder) -> None:
    seen = dataclasses.replace(LAPTOP, registries=SILENT)
    assert plan(seen, builder, RunNeeds(node_image="kindest/node:v1")).recipes == ()
    assert [recipe.name for recipe in planned(seen, builder).recipes] == ["node-image"]


def test_other_container_runtimes_need_our_own_node_image(builder: Builder) -> None:
    found = plan(LAPTOP, builder, RunNeeds(own_node=True))
    assert [recipe.name for recipe in found.recipes] == ["node-image"]
    assert plan(LAPTOP, builder, RunNeeds(node_image="mine/node:v1", own_node=True)).recipes == ()


def test_plan_has_a_problem_for_each_missing_thing_without_recipes() -> None:
    problems = planned(BARE, None).problems
    assert len(problems) == 4
    assert all("recipes" in problem for problem in problems)


@pytest.mark.parametrize(
    ("made", "version"), [("cgroup.controllers", "v2"), ("unified/", "v1, hybrid"), ("memory/", "v1")]
)
def test_cgroup_version_is_read_from_the_hierarchy(tmp_path: Path, made: str, version: str) -> None:
    path = tmp_path / made
    path.mkdir() if made.endswith("/") else path.touch()
    assert cgroup_version(tmp_path) == version


def test_an_engine_named_by_the_user_is_not_replaced(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    found = planned(BARE, builder)
    assert "tcp://far:2375" in found.problems[0]
    assert not found.start_docker


def test_a_node_image_in_docker_needs_no_registry(builder: Builder) -> None:
    seen = dataclasses.replace(LAPTOP, docker=cast("Docker", FakeDocker(NODE)), registries=SILENT)
    assert planned(seen, builder).recipes == ()


def test_an_engine_that_this_suite_cannot_use_is_not_replaced(builder: Builder) -> None:
    seen = dataclasses.replace(BARE, docker_refused=True, docker_problem="the engine is podman 5.0")
    found = planned(seen, builder)
    assert "podman 5.0" in found.problems[0]
    assert not found.start_docker


def test_a_run_on_a_cluster_of_the_user_needs_neither_docker_nor_kind() -> None:
    seen = dataclasses.replace(BARE, root=False, helm=LAPTOP.helm)
    assert plan(seen, None, RunNeeds(own_cluster=False)).problems == ()


def test_a_run_needs_only_the_helm_majors_that_it_asks_for() -> None:
    assert plan(LAPTOP, None, RunNeeds(helm=(4,))).problems == ()
    assert "helm 3" in plan(LAPTOP, None, RunNeeds(helm=(3, 4))).problems[0]
