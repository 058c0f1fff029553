"""Where each image of a run comes from, before anything is pulled or built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.folders import Folders
from osh_conformance.progress import Progress
from osh_conformance.provision import recipes
from osh_conformance.provision.build import Builder
from osh_conformance.provision.registries import Registries
from osh_conformance.registry.supply import Source, Supplies, Supply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.registry.fake import FakeRegistry

OWN = "osh-conformance.invalid/keystone-distribution:22.0.2"
#: Nothing listens at the port of `discard`.
SILENT = "127.0.0.1:9/library/mariadb:10.11.11"


class FakeDocker:
    """A Docker with these images."""

    def __init__(self, *images: str) -> None:
        self.images = images

    def has_image(self, reference: str) -> bool:
        return reference in self.images


def recipe(root: Path, name: str, reference: str, origin: str, more: str = "", *, image: str = "") -> None:
    folder = root / "images" / name
    folder.mkdir(parents=True)
    text = f'summary = "x"\nminutes = 2\ndisk_mib = 10\nfiles = ["image.tar"]\n{more}'
    (folder / "recipe.toml").write_text(f'{text}[image]\nreference = "{reference}"\norigin = "{origin}"\n{image}')
    (folder / "build.sh").write_text("")


def builder_of(folder: Path) -> Builder:
    return Builder(
        recipes=recipes.load(folder),
        folders=Folders(cache=folder / "cache", state=folder / "state"),
        progress=Progress(quiet=True),
    )


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    recipe(tmp_path, "distribution", OWN, "built")
    recipe(tmp_path, "mariadb", SILENT, "stand-in")
    return builder_of(tmp_path)


def forecast(reference: str, builder: Builder | None = None, *in_docker: str) -> Supply:
    docker: Any = cast("Any", FakeDocker(*in_docker))
    (found,) = Supplies(docker=docker, builder=builder, registries=Registries()).forecast([reference])
    return found


def test_a_recipe_builds_an_image_of_the_suite(builder: Builder) -> None:
    assert forecast(OWN, builder) == Supply(reference=OWN, source=Source.BUILD, recipe="distribution")


def test_a_recipe_builds_what_stands_in_for_an_image_of_the_past(tmp_path: Path) -> None:
    reference = "osh-conformance.invalid/keystone-yaodu-stand-in:30.0.0"
    recipe(tmp_path, "yaodu", reference, "stand-in")
    assert forecast(reference, builder_of(tmp_path)).source is Source.BUILD


def test_an_image_of_a_finished_build_needs_nothing(builder: Builder) -> None:
    builder.place("distribution").mkdir(parents=True)
    assert forecast(OWN, builder).source is Source.BUILT


def test_an_image_of_the_suite_without_its_recipe_is_missing_and_no_registry_is_asked() -> None:
    found = forecast(OWN)
    assert found.source is Source.MISSING
    assert "--recipes" in found.fix


def test_an_image_in_docker_needs_no_registry() -> None:
    assert forecast(SILENT, None, SILENT).source is Source.IN_DOCKER


def test_a_published_image_is_pulled_and_not_built(fake_registry: FakeRegistry, tmp_path: Path) -> None:
    fake_registry.push("library/mariadb", "10.11.11")
    reference = f"{fake_registry.endpoint}/library/mariadb:10.11.11"
    recipe(tmp_path, "mariadb", reference, "stand-in")
    builder = builder_of(tmp_path)
    assert forecast(reference, builder).source is Source.PULL


def test_an_image_that_its_registry_lacks_is_missing_although_a_recipe_makes_a_stand_in(
    fake_registry: FakeRegistry, tmp_path: Path
) -> None:
    reference = f"{fake_registry.endpoint}/library/mariadb:10.11.11"
    recipe(tmp_path, "mariadb", reference, "stand-in")
    builder = builder_of(tmp_path)
    found = forecast(reference, builder)
    assert found.source is Source.MISSING
    assert found.problem


def test_a_recipe_makes_a_stand_in_where_no_registry_answers(builder: Builder) -> None:
    assert forecast(SILENT, builder).source is Source.STAND_IN


def test_a_stand_in_for_an_image_that_no_registry_has_is_built_and_none_is_asked(
    fake_registry: FakeRegistry, tmp_path: Path
) -> None:
    reference = f"{fake_registry.endpoint}/kolla/heat-engine:3.0.3"
    recipe(tmp_path, "gone", reference, "stand-in", image="published = false\n")
    found = forecast(reference, builder_of(tmp_path))
    assert found == Supply(reference=reference, source=Source.GONE, recipe="gone")
    assert not fake_registry.requests
    assert forecast(reference, builder_of(tmp_path), reference).source is Source.IN_DOCKER


def test_an_image_that_nobody_provides_is_missing_with_the_reason() -> None:
    found = forecast(SILENT)
    assert found.source is Source.MISSING
    assert "127.0.0.1:9" in found.problem


def test_a_recipe_that_lacks_a_program_provides_nothing(tmp_path: Path) -> None:
    recipe(tmp_path, "distribution", OWN, "built", 'programs = ["no-such-program-here"]\n')
    builder = builder_of(tmp_path)
    found = forecast(OWN, builder)
    assert found.source is Source.MISSING
    assert "no-such-program-here" in found.problem


def test_a_registry_that_takes_its_time_is_left_to_docker(fake_registry: FakeRegistry) -> None:
    fake_registry.answering.clear()
    reference = f"{fake_registry.endpoint}/library/mariadb:10.11.11"
    docker: Any = FakeDocker()
    supplies = Supplies(docker=docker, builder=None, registries=Registries(patience=1.0))
    (found,) = supplies.forecast([reference])
    assert found.source is Source.PULL


def test_a_registry_that_docker_asks_without_trust_is_left_to_docker() -> None:
    docker: Any = FakeDocker()
    supplies = Supplies(docker=docker, builder=None, registries=Registries(insecure=("127.0.0.1:9",)))
    (found,) = supplies.forecast([SILENT])
    assert found.source is Source.PULL


def test_a_malformed_reference_is_missing_with_the_reason() -> None:
    found = forecast("docker.io/Upper/case:1")
    assert found.source is Source.MISSING
    assert "upper case" in found.problem
