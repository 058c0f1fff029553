"""The images of the flavors for database Jobs, in containers as charts run them: a user id without an account."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.live import contract
from osh_conformance.loading import definitions
from osh_conformance.provision import recipes
from osh_conformance.provision.docker import BUILDS
from osh_conformance.registry import images
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.process import Outcome
    from osh_conformance.provision.docker import Docker

CLIENTS = ("client", "client-sqlalchemy-1")
_BARE = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "64321:64321", "--entrypoint", "")
_PATIENCE = 120.0


def _built(docker: Docker, reference: str) -> str:
    """Return the name in Docker of an image that a recipe makes."""
    book = recipes.load(ROOT / "ci")
    recipe = images.recipe_of(reference, book)
    assert recipe
    tag = f"{BUILDS}{recipe.name}:{book.key(recipe.name)}"
    if not docker.has_image(tag):
        pytest.skip(f"the recipe {recipe.name} built no image here")
    return tag


@pytest.fixture
def nothing(docker: Docker) -> Callable[[str], Outcome]:
    """Run a command in the image whose programs do nothing."""
    tag = _built(docker, definitions.flavors()["client"].rest)

    def run(command: str) -> Outcome:
        return docker.run("run", *_BARE, tag, *shlex.split(command), deadline=_PATIENCE, check=False)

    return run


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("task", ["db_init", "db_drop"])
def test_an_image_for_database_jobs_has_the_contract(docker: Docker, name: str, task: str) -> None:
    flavor = definitions.flavors()[name]
    contract.check(docker, _built(docker, flavor.images[task]), flavor.images[task], flavor.tier)


@pytest.mark.parametrize(("name", "major"), [*zip(CLIENTS, ("2", "1"), strict=True)])
def test_the_two_flavors_have_different_majors_of_sqlalchemy(docker: Docker, name: str, major: str) -> None:
    tag = _built(docker, definitions.flavors()[name].images["db_drop"])
    script = "import sqlalchemy; print(sqlalchemy.__version__.partition('.')[0])"
    shown = docker.run("run", *_BARE, tag, "/usr/bin/env", "python", "-c", script, deadline=_PATIENCE)
    assert shown.stdout.strip() == major


@pytest.mark.parametrize(
    "command",
    [
        "sh -c 'exit 7'",
        "/bin/bash -ec 'false; exit 8'",
        "/usr/bin/env python -c 1/0",
        "/usr/local/bin/python3 /tmp/missing.py",
        "kubernetes-entrypoint",
        "/var/lib/openstack/bin/uwsgi --ini /etc/missing.ini",
    ],
)
def test_a_program_of_the_stub_ends_with_0_whatever_it_is_asked(
    nothing: Callable[[str], Outcome], command: str
) -> None:
    outcome = nothing(command)
    assert (outcome.code, outcome.stdout) == (0, "")


def test_the_stub_lacks_the_contract(docker: Docker) -> None:
    flavor = definitions.flavors()["client"]
    tag = _built(docker, flavor.rest)
    with pytest.raises(SuiteError, match="lacks /bin/sh"):
        contract.check(docker, tag, flavor.rest, flavor.tier)
