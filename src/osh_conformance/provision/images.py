"""Images: from a published reference, or from the recipe that makes it, to the mirror that nodes pull from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from osh_conformance import reference as grammar
from osh_conformance.errors import SuiteError
from osh_conformance.process import CommandError
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.provision.recipes import Book, Recipe
    from osh_conformance.provision.toolbox import Toolbox

#: The image of the mirror itself.
REGISTRY_IMAGE = "docker.io/library/registry:2.8.3"
_PULL = 900.0
_PUSH = 900.0
PUBLISHED = "published"
BUILT = "built"


class Mirror(Protocol):
    """The registry of a run, as far as supplying it needs. It keeps what it stored once, by key, from run to run."""

    def holds(self, key: str) -> bool:
        """Whether an image was stored under `key`."""

    def store_name(self, key: str) -> str:
        """The name to push an image to, in order to store it under `key`."""

    def serve(self, reference: str, key: str) -> Sequence[str]:
        """Serve what is stored under `key` as `reference`; return its digests, the manifest's own first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliedImage:
    """An image that the mirror serves.

    `origin`: published, built or stand-in; `digest`: of the manifest that the tag names there.
    """

    reference: str
    origin: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """An image reference in the parts that a container runtime asks a registry for."""

    host: str
    path: str
    tag: str
    digest: str

    @property
    def canonical(self) -> str:
        """The reference, spelled out."""
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{self.host}/{self.path}{tag}{digest}"

    @property
    def repository(self) -> str:
        """Its repository in the mirror, which keeps hosts apart by a first component."""
        return f"{prefix(self.host)}/{self.path}"

    @property
    def wanted(self) -> str:
        """What is asked for there: the digest if there is one, else the tag."""
        return self.digest or self.tag


def prefix(host: str) -> str:
    """The first component of a repository in the mirror. A port's colon is in no repository's name."""
    return re.sub("[^a-z0-9.-]+", "_", host.lower()).strip("_")


def name(text: str) -> Name:
    """Read a reference as container runtimes do: no tag and no digest means latest; raises `SuiteError`."""
    try:
        parsed = grammar.parse(text)
    except grammar.InvalidReferenceError as error:
        raise SuiteError(f"this is no image reference: {error}", expected="registry/repository:tag") from error
    tag = parsed.tag or ("" if parsed.digest else grammar.DEFAULT_TAG)
    return Name(host=parsed.domain, path=parsed.path, tag=tag, digest=parsed.digest or "")


def supply(reference: str, toolbox: Toolbox, mirror: Mirror, *, progress: Progress | None = None) -> SuppliedImage:
    """See that the mirror serves `reference`; raises `SuiteError` with the answers of all who were asked."""
    asked = name(reference)
    local, origin = obtain(reference, toolbox, progress or Progress(quiet=True))
    engine = toolbox.engine
    key = engine.run("image", "inspect", "--format", "{{.Id}}", local).stdout.strip().rpartition(":")[2]
    if not mirror.holds(key):
        pushed = mirror.store_name(key)
        engine.run("tag", local, pushed)
        try:
            engine.run("push", "--quiet", pushed, deadline=_PUSH)
        finally:
            engine.run("rmi", "--no-prune", pushed, check=False)
    digests = mirror.serve(reference, key)
    if asked.digest and asked.digest not in digests:
        raise SuiteError(
            f"{reference}: the mirror serves this image as {digests[0]}, so a pull by the pinned digest would fail",
            expected="an image of exactly this digest",
            fix="for a stand-in or a local build, give the chart this digest, or the reference without one",
        )
    return SuppliedImage(reference=reference, origin=origin, digest=digests[0])


def obtain(reference: str, toolbox: Toolbox, progress: Progress) -> tuple[str, str]:
    """See that the engine has the image of `reference`; return its name there and its origin."""
    asked = name(reference)
    engine = toolbox.engine
    workshop = toolbox.workshop(progress)
    recipe = _recipe(asked, workshop.book) if workshop else None
    if workshop and recipe and recipe.image and (recipe.image.origin == BUILT or toolbox.offline):
        return workshop.image(recipe.name), recipe.image.origin
    # What is there already serves, as it would for a user who builds an image and has not published it.
    if engine.has_image(asked.canonical):
        digests = engine.run("image", "inspect", "--format", "{{.RepoDigests}}", asked.canonical).stdout
        return asked.canonical, PUBLISHED if "@sha256:" in digests else BUILT
    answer = f"no container registry can be reached ({toolbox.registry_answer})"
    # Only docker.io was probed; another host may well answer where it does not.
    if not toolbox.offline or asked.host != "docker.io":
        try:
            with progress.step(f"pull {reference}"):
                engine.run("pull", "--quiet", asked.canonical, deadline=_PULL)
        except CommandError as error:
            answer = error.outcome.tail
        else:
            return asked.canonical, PUBLISHED
    if workshop and recipe and recipe.image:
        return workshop.image(recipe.name), recipe.image.origin
    known = [r.image.reference for r in workshop.book.recipes.values() if r.image] if workshop else []
    raise SuiteError(
        f"image {reference} cannot be had: it cannot be pulled, and no recipe makes it",
        expected="an image that a registry serves" + (f", or one of {', '.join(sorted(known))}" if known else ""),
        details=answer,
    )


def _recipe(asked: Name, book: Book) -> Recipe | None:
    """The recipe of a reference; by digest alone any of its repository, since the digest decides in the end."""
    named = [(name(recipe.image.reference), recipe) for recipe in book.recipes.values() if recipe.image]
    fitting = [(known, recipe) for known, recipe in named if (known.host, known.path) == (asked.host, asked.path)]
    return next((recipe for known, recipe in fitting if not asked.tag or asked.tag == known.tag), None)


def provide_images(toolbox: Toolbox, references: Iterable[str] | None, progress: Progress) -> Mapping[str, str]:
    """See that the engine has these images, so that a run starts from warm; return the origin of each.

    None means the mirror's own image and all that the recipes of `images` make.
    """
    if references is None:
        made = [r for r in toolbox.book.recipes.values() if r.folder.parent.name == "images"] if toolbox.book else []
        references = sorted({REGISTRY_IMAGE, *(r.image.reference for r in made if r.image)})
    return {reference: obtain(reference, toolbox, progress)[1] for reference in references}
