"""When a machine is ready: the same answer for `doctor`, `setup` and `live`, and what is still to be done."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import pytest

from osh_conformance.folders import Folders
from osh_conformance.loading import definitions
from osh_conformance.plan import doctor, readiness
from osh_conformance.plan import needs as run_needs
from osh_conformance.progress import Progress
from osh_conformance.provision import prerequisites, recipes
from osh_conformance.provision.machine import MachineInfo, Program
from osh_conformance.provision.registries import Registries
from osh_conformance.provision.tools import NODE_RECIPE, RunNeeds
from osh_conformance.registry import supply
from osh_conformance.registry.images import REGISTRY_IMAGE

if TYPE_CHECKING:
    from osh_conformance.plan.doctor import Diagnosis
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipes

OWN = "osh-conformance.invalid/keystone-distribution:22.0.2"


class FakeDocker:
    """A Docker with these images."""

    ours = False
    address = "unix:///run/docker.sock"

    def __init__(self, *images: str) -> None:
        self.images = images

    def has_image(self, reference: str) -> bool:
        return reference in self.images


@pytest.fixture
def book(tmp_path: Path) -> Recipes:
    folder = tmp_path / "recipes" / "images" / "distribution"
    folder.mkdir(parents=True)
    text = 'summary = "x"\nminutes = 2\ndisk_mib = 10\nfiles = ["image.tar"]\n'
    (folder / "recipe.toml").write_text(f'{text}[image]\nreference = "{OWN}"\norigin = "built"\n')
    (folder / "build.sh").write_text("")
    return recipes.load(tmp_path / "recipes")


@pytest.fixture
def laptop(book: Recipes) -> MachineInfo:
    """A machine with everything but the suite's own image; Docker Hub does not answer."""
    return MachineInfo(
        root=False,
        docker=cast("Docker", FakeDocker(REGISTRY_IMAGE, "docker.io/kindest/node")),
        docker_version="28.0.0",
        docker_problem="",
        docker_refused=False,
        kind=Program(path=Path("/nowhere/kind"), version="0.33.0"),
        kind_problem="",
        helm=MappingProxyType({4: Program(path=Path("/usr/bin/helm"), version="4.3.1")}),
        registries=Registries(_answers={"docker.io": "docker.io: no such host"}),
        recipes=book,
    )


def diagnosis(
    machine: MachineInfo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *images: str,
    needs: RunNeeds | None = None,
    runtimes: tuple[str, ...] = (),
) -> Diagnosis:
    monkeypatch.setattr(readiness, "look", lambda *_: machine)
    monkeypatch.setattr(Registries, "ask", lambda _self, _references: None)
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    needs = needs or RunNeeds()
    found = readiness.examine(needs, images, folders, Progress(quiet=True))
    return doctor.diagnose(found, needs.helm, run_needs.runtimes(runtimes), folders)


def test_a_machine_with_everything_is_ready(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = diagnosis(laptop, tmp_path, monkeypatch)
    assert (found.able, found.verdict) == (True, "Ready for live runs.")


def test_a_machine_on_which_setup_can_build_the_rest_is_ready_and_says_what(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = diagnosis(laptop, tmp_path, monkeypatch, OWN)
    assert found.able
    assert found.verdict.startswith("Ready")
    assert "build distribution (about 2 minutes" in found.verdict


def test_a_machine_that_lacks_an_image_which_nobody_provides_is_not_ready(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = diagnosis(laptop, tmp_path, monkeypatch, "docker.io/library/mariadb:10.11.11")
    assert not found.able
    assert found.verdict.startswith("Not ready")
    assert "docker.io: no such host" in found.verdict


def test_a_machine_without_the_helm_that_the_run_asks_for_is_not_ready(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = diagnosis(laptop, tmp_path, monkeypatch, needs=RunNeeds(helm=(3, 4)))
    assert not found.able
    assert "no helm 3" in found.verdict
    assert [line.ok for line in found.lines if line.name.startswith("helm")] == [False, True]


def test_a_machine_whose_engine_this_suite_cannot_use_is_not_ready(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = dataclasses.replace(laptop, docker=None, docker_refused=True, docker_problem="the engine is podman 5.0")
    found = diagnosis(podman, tmp_path, monkeypatch)
    assert not found.able
    assert "podman 5.0" in found.verdict


def test_a_program_that_the_package_of_the_engine_brings_is_no_problem(
    laptop: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the offline path there is no docker program before `setup` installs its package."""
    text = 'summary = "x"\nminutes = 1\ndisk_mib = 1\nfiles = ["x"]\n'
    root = tmp_path / "bare"
    for name, more in {
        "offline/engine": 'packages = ["docker.io"]\n',
        "images/distribution": f'programs = ["docker"]\n[image]\nreference = "{OWN}"\norigin = "built"\n',
    }.items():
        (root / name).mkdir(parents=True)
        (root / name / "recipe.toml").write_text(text + more)
        (root / name / "build.sh").write_text("")
    monkeypatch.setattr(prerequisites, "which", lambda name: None if name == "docker" else Path("/usr/bin") / name)
    monkeypatch.setattr(prerequisites, "_installed", lambda _packages: set())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("osh_conformance.provision.tools.choice", lambda: None)
    bare = dataclasses.replace(
        laptop, root=True, docker=None, docker_problem="no docker program on PATH", recipes=recipes.load(root)
    )
    needs = RunNeeds(node_image=REGISTRY_IMAGE)
    monkeypatch.setattr(supply, "look_up_all", lambda *_, **__: {})
    found = diagnosis(bare, tmp_path, monkeypatch, OWN, needs=needs)
    assert f"{OWN}: to build" in [line.result for line in found.lines]


# -- runtimes --------------------------------------------------------------------------------------------------------


def runtime_lines(found: Diagnosis) -> dict[str, tuple[bool, str]]:
    return {
        line.name.removeprefix("runtime "): (line.ok, line.result)
        for line in found.lines
        if line.name.startswith("runtime ")
    }


@pytest.fixture
def with_runtimes(laptop: MachineInfo, tmp_path: Path) -> MachineInfo:
    """A machine with recipes for our own node image and for youki; nothing of them is built."""
    root = tmp_path / "recipes"
    for name, minutes in ((NODE_RECIPE, 3), ("youki", 5)):
        folder = root / "offline" / name
        folder.mkdir(parents=True)
        text = f'summary = "x"\nminutes = {minutes}\ndisk_mib = 1\nfiles = ["versions"]\n'
        (folder / "recipe.toml").write_text(text)
        (folder / "build.sh").write_text("")
    return dataclasses.replace(laptop, recipes=recipes.load(root))


def built(machine: MachineInfo, tmp_path: Path, **versions: str | None) -> None:
    """Leave finished builds of recipes, with the text of their file `versions`, or without one."""
    book = machine.recipes
    assert book
    for name, text in versions.items():
        recipe = name.replace("_", "-")
        place = Folders(cache=tmp_path / "cache", state=tmp_path).builds / f"{recipe}-{book.key(recipe)}"
        place.mkdir(parents=True)
        if text is not None:
            (place / "versions").write_text(text)


OURS = RunNeeds(own_node=True)


def test_the_versions_of_built_runtimes_are_those_that_their_recipes_noted(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(with_runtimes, tmp_path, node_image="runc 1.3.6+ds1\ncrun 1.28\n", youki="youki 0.7.0\n")
    found = diagnosis(with_runtimes, tmp_path, monkeypatch, needs=OURS, runtimes=("runc", "crun", "youki"))
    assert runtime_lines(found) == {"runc": (True, "1.3.6+ds1"), "crun": (True, "1.28"), "youki": (True, "0.7.0")}


def test_a_build_that_noted_no_version_is_not_given_one(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(with_runtimes, tmp_path, node_image="runc 1.3.6\n", youki=None)
    lines = runtime_lines(diagnosis(with_runtimes, tmp_path, monkeypatch, needs=OURS, runtimes=("crun", "youki")))
    assert lines == {
        "crun": (True, "built, but the recipe node-image noted no version of it"),
        "youki": (True, "built, but the recipe youki noted no version of it"),
    }


def test_a_runtime_that_is_not_built_says_what_builds_it_and_how_long_that_takes(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = runtime_lines(diagnosis(with_runtimes, tmp_path, monkeypatch, needs=OURS, runtimes=("crun", "youki")))
    assert lines == {
        "crun": (True, "not built yet (recipe node-image, about 3 minutes)"),
        "youki": (True, "not built yet (recipe youki, about 5 minutes)"),
    }


def test_the_runtimes_of_a_node_image_that_the_suite_does_not_build_have_no_version_yet(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a build of our own node image is there: this run does not use it."""
    built(with_runtimes, tmp_path, node_image="runc 1.3.6\n")
    unknown = (True, "in the node image; its version is known once a cluster runs")
    assert runtime_lines(diagnosis(with_runtimes, tmp_path, monkeypatch)) == {"runc": unknown}
    needs = RunNeeds(own_node=True, node_image="docker.io/kindest/node")
    found = diagnosis(with_runtimes, tmp_path, monkeypatch, needs=needs, runtimes=("crun",))
    assert runtime_lines(found) == {"crun": unknown}


def test_a_runtime_that_no_recipe_builds_is_said_to_be_missing(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = dataclasses.replace(with_runtimes, recipes=None)
    needs = RunNeeds(node_image="docker.io/kindest/node")
    found = diagnosis(bare, tmp_path, monkeypatch, needs=needs, runtimes=("youki",))
    assert runtime_lines(found) == {"youki": (False, "there is no recipe `youki` to build it from")}


def test_a_runtime_that_needs_another_cluster_says_which(
    with_runtimes: MachineInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = runtime_lines(diagnosis(with_runtimes, tmp_path, monkeypatch, needs=OURS, runtimes=("cri-o", "kata")))
    known = definitions.runtimes()
    assert lines == {name: (False, f"needs {known[name].needs}") for name in ("cri-o", "kata")}
