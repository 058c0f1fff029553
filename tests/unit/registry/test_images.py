"""Image references as the registry of a run and container runtimes read them, and where an image comes from."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.process import CommandError, Outcome
from osh_conformance.progress import Progress
from osh_conformance.provision import pulled, recipes
from osh_conformance.provision.pulls import PullError
from osh_conformance.provision.registries import Registries
from osh_conformance.registry import images

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "5" * 64


@pytest.mark.parametrize(
    ("text", "canonical", "repository", "wanted"),
    [
        ("mariadb", "docker.io/library/mariadb:latest", "docker.io/library/mariadb", "latest"),
        ("kolla/x:1", "docker.io/kolla/x:1", "docker.io/kolla/x", "1"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost_5000/x", "1"),
        (f"quay.io/a/b@{DIGEST}", f"quay.io/a/b@{DIGEST}", "quay.io/a/b", DIGEST),
        (f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b:1@{DIGEST}", "quay.io/a/b", DIGEST),
    ],
)
def test_a_reference_is_read_as_container_runtimes_do(text: str, canonical: str, repository: str, wanted: str) -> None:
    found = images.name(text)
    assert (found.canonical, found.repository, found.digest_or_tag) == (canonical, repository, wanted)


def test_a_malformed_reference_is_an_error() -> None:
    with pytest.raises(SuiteError, match="upper case"):
        images.name("docker.io/Upper/case:1")


# -- getting one ---------------------------------------------------------------------------------------------------

MARIADB = "docker.io/library/mariadb:10.11.11"


class FakeDocker:
    """A Docker that has these images, and whose pulls fail with `answer` unless that is empty."""

    def __init__(self, *images: str, answer: str = "", origin: str = "") -> None:
        self.images = list(images)
        self._answer = answer
        self._origin = origin

    def has_image(self, reference: str) -> bool:
        return reference in self.images

    def pulled_digest(self, reference: str) -> str | None:
        return DIGEST if reference in self.images else None

    def run(self, *argv: str, **_options: object) -> Any:
        if argv[0] == "pull":
            if self._answer:
                outcome = Outcome(argv=("docker", *argv), code=1, stdout="", stderr=self._answer, seconds=0.1)
                raise CommandError(outcome, "ended with exit code 1")
            self.images.append(argv[-1])
        return SimpleNamespace(stdout=f"{self._origin}\n")


@pytest.fixture
def builder(tmp_path: Path) -> Any:
    return builder_of(tmp_path)


def builder_of(tmp_path: Path, more: str = "") -> Any:
    folder = tmp_path / "offline" / "mariadb"
    folder.mkdir(parents=True)
    text = 'summary = "x"\nminutes = 1\ndisk_mib = 1\nfiles = ["image.tar"]\n'
    (folder / "recipe.toml").write_text(f'{text}[image]\nreference = "{MARIADB}"\norigin = "stand-in"\n{more}')
    (folder / "build.sh").write_text("")
    return SimpleNamespace(recipes=recipes.load(tmp_path), image=lambda name: f"built/{name}", place=lambda _: tmp_path)


def obtained(tmp_path: Path, docker: FakeDocker, builder: Any, silence: str = "") -> tuple[str, str]:
    tools: Any = SimpleNamespace(
        docker=docker,
        builder=lambda _progress: builder,
        registries=Registries(_answers={"docker.io": silence}),
        folders=Folders(cache=tmp_path / "cache", state=tmp_path / "state"),
    )
    return images.obtain(MARIADB, tools, Progress(quiet=True))


def test_a_published_image_is_pulled_and_noted(tmp_path: Path, builder: Any) -> None:
    assert obtained(tmp_path, FakeDocker(), builder) == (MARIADB, images.PUBLISHED)
    assert pulled.noted(Folders(cache=tmp_path / "cache", state=tmp_path / "state")) == (MARIADB,)


def test_an_image_in_docker_is_not_pulled(tmp_path: Path, builder: Any) -> None:
    docker = FakeDocker(MARIADB, answer="denied")
    assert obtained(tmp_path, docker, builder, silence="no such host") == (MARIADB, images.PUBLISHED)


@pytest.mark.parametrize(
    ("answer", "silence"), [("dial tcp: connect: connection refused", ""), ("", "docker.io: no such host")]
)
def test_a_stand_in_serves_where_no_registry_answers(tmp_path: Path, builder: Any, answer: str, silence: str) -> None:
    assert obtained(tmp_path, FakeDocker(answer=answer), builder, silence) == ("built/mariadb", "stand-in")


@pytest.mark.parametrize("answer", ["toomanyrequests: rate limit", "manifest unknown", "unauthorized", "503"])
def test_no_stand_in_hides_the_refusal_of_a_registry(tmp_path: Path, builder: Any, answer: str) -> None:
    with pytest.raises(PullError, match=re.escape(MARIADB)) as raised:
        obtained(tmp_path, FakeDocker(answer=answer), builder)
    assert answer in raised.value.details


def test_a_stand_in_for_an_image_that_no_registry_has_is_built_without_a_pull(tmp_path: Path) -> None:
    builder, docker = builder_of(tmp_path, "published = false\n"), FakeDocker()
    assert obtained(tmp_path, docker, builder) == ("built/mariadb", "stand-in")
    assert not docker.images


def test_an_image_in_docker_serves_also_if_no_registry_has_it(tmp_path: Path) -> None:
    builder = builder_of(tmp_path, "published = false\n")
    assert obtained(tmp_path, FakeDocker(MARIADB), builder) == (MARIADB, images.PUBLISHED)


def test_a_stand_in_that_a_registry_publishes_is_reported_as_one(tmp_path: Path, builder: Any) -> None:
    assert obtained(tmp_path, FakeDocker(origin="stand-in"), builder) == (MARIADB, "stand-in")
