"""Images in Docker: pulled by their reference, or built by a recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import reference as grammar
from osh_conformance.errors import SuiteError
from osh_conformance.provision import pulled
from osh_conformance.provision.pulls import PullError, pull
from osh_conformance.provision.registries import belongs_to_nobody

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe, Recipes
    from osh_conformance.provision.tools import Tools

#: The image of the run's own registry.
REGISTRY_IMAGE = "docker.io/library/registry:2.8.3"
PUBLISHED = "published"
BUILT = "built"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """An image reference, in the parts that a container runtime needs for its requests to a registry."""

    host: str
    path: str
    tag: str
    digest: str

    @property
    def canonical(self) -> str:
        """The full reference."""
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{self.host}/{self.path}{tag}{digest}"

    @property
    def repository(self) -> str:
        """The image's repository in the run's registry, which has one folder for each host."""
        return f"{prefix(self.host)}/{self.path}"

    @property
    def digest_or_tag(self) -> str:
        """The digest if there is one, or else the tag."""
        return self.digest or self.tag


def prefix(host: str) -> str:
    """Return the first component of a host's repositories in the run's registry, which cannot contain a colon."""
    return re.sub("[^a-z0-9.-]+", "_", host.lower()).strip("_")


def name(text: str) -> Name:
    """Parse a reference as container runtimes do: no tag and no digest means latest; raises `SuiteError`."""
    try:
        parsed = grammar.parse(text)
    except grammar.InvalidReferenceError as error:
        raise SuiteError(f"not an image reference: {error}", expected="registry/repository:tag") from error
    tag = parsed.tag or ("" if parsed.digest else grammar.DEFAULT_TAG)
    return Name(host=parsed.domain, path=parsed.path, tag=tag, digest=parsed.digest or "")


def obtain(reference: str, tools: Tools, progress: Progress) -> tuple[str, str]:
    """Pull or build the image of `reference`, unless Docker has it; return its name in Docker and its origin.

    A recipe builds the suite's own images, and stand-ins for images that no registry has any more. It builds a stand-in
    for a published image only if no registry answers.
    Raises `SuiteError` with the answer of the registry.
    """
    requested = name(reference)
    builder = tools.builder(progress)
    recipe = find_recipe(requested, builder.recipes) if builder else None
    if builder and recipe and recipe.image and recipe.image.origin == BUILT:
        return builder.image(recipe.name), BUILT
    # An image that Docker already has serves too: a user may have built it and not published it.
    if tools.docker.has_image(requested.canonical):
        return requested.canonical, _origin(requested.canonical, tools.docker)
    if builder and recipe and recipe.image and not recipe.image.published:
        return builder.image(recipe.name), recipe.image.origin
    try:
        _pull(requested, tools, progress)
    except PullError as error:
        if not (error.unreachable and builder and recipe and recipe.image):
            raise
        if not belongs_to_nobody(requested.host) and not builder.place(recipe.name).is_dir():
            progress.say(
                f"  {requested.canonical}: no registry answers, so the recipe `{recipe.name}` makes a stand-in"
            )
        return builder.image(recipe.name), recipe.image.origin
    return requested.canonical, _origin(requested.canonical, tools.docker)


def _origin(reference: str, docker: Docker) -> str:
    """Return the origin of an image that Docker has under its own reference.

    A registry of a test may publish the suite's own stand-ins. Their label says so, and so does the report.
    """
    label = docker.run("image", "inspect", "--format", '{{index .Config.Labels "osh-conformance.origin"}}', reference)
    return label.stdout.strip() or (PUBLISHED if docker.pulled_digest(reference) else BUILT)


def _pull(requested: Name, tools: Tools, progress: Progress) -> None:
    if silence := tools.registries.silence(requested.canonical):
        raise PullError(requested.canonical, silence, unreachable=True)
    with progress.step(f"pull {requested.canonical}"):
        pull(tools.docker, requested.canonical)
    pulled.note(tools.folders, requested.canonical)


def recipe_of(reference: str, recipes: Recipes) -> Recipe | None:
    """Return the recipe that builds the image of a reference, if there is one."""
    return find_recipe(name(reference), recipes)


def find_recipe(requested: Name, recipes: Recipes) -> Recipe | None:
    """Return the recipe of a reference. For a digest without a tag, any recipe of the repository: it is checked later.

    None if there is none.
    """
    named = [(name(recipe.image.reference), recipe) for recipe in recipes.by_name.values() if recipe.image]
    fitting = [
        (known, recipe) for known, recipe in named if (known.host, known.path) == (requested.host, requested.path)
    ]
    return next((recipe for known, recipe in fitting if not requested.tag or requested.tag == known.tag), None)


def provide_images(tools: Tools, references: Iterable[str], progress: Progress) -> Mapping[str, str]:
    """Pull or build these images ahead of a run; return the origin of each."""
    return {reference: obtain(reference, tools, progress)[1] for reference in sorted({*references, REGISTRY_IMAGE})}
