"""Images: from a published reference, or from the recipe that makes it, to the mirror that nodes pull from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from osh_conformance import reference as grammar
from osh_conformance.errors import SuiteError
from osh_conformance.process import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe, Recipes
    from osh_conformance.provision.tools import Tools

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

    def copy_in(self, reference: str, key: str) -> None:
        """Store under `key` what a reference stands for in its own registry, with its digest."""

    def repackage(self, key: str, form: PackagingFormat) -> str:
        """See that what is stored under `key` is stored in a packaging format too; return the key of that."""

    def serve(self, reference: str, key: str) -> Sequence[str]:
        """Serve what is stored under `key` as `reference`; return its digests, the manifest's own first."""


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


def publish(  # noqa: PLR0913
    reference: str,
    toolbox: Tools,
    mirror: Mirror,
    progress: Progress,
    *,
    form: PackagingFormat | None = None,
    served_as: str | None = None,
) -> tuple[str, str, Sequence[str]]:
    """See that the mirror serves `reference`; return the name that it has there, its origin and its digests.

    With `form` it is served in that packaging format, by a tag of its own: one tag is one manifest. `served_as` is
    another name to serve it by. Raises `SuiteError` with the answers of all who were asked.
    """
    asked = name(reference)
    if asked.digest and _is_published(asked, toolbox, progress):
        # The engine would push it under another digest: it compresses layers anew.
        key, origin = asked.digest.rpartition(":")[2], PUBLISHED
        if not mirror.holds(key):
            mirror.copy_in(reference, key)
    else:
        local, origin = obtain(reference, toolbox, progress)
        key = _stored(local, toolbox.engine, mirror)
    packaged = mirror.repackage(key, form) if form else key
    # In another format it is another manifest, which needs a name of its own.
    own = not form or (packaged == key and not form.suffix)
    served = served_as or (_suffixed(asked, form.suffix or f"-{form.name}") if form and not own else reference)
    digests = mirror.serve(served, packaged)
    if served == reference and asked.digest and asked.digest not in digests:
        raise SuiteError(
            f"{reference}: the mirror serves this image as {digests[0]}, so a pull by the pinned digest would fail",
            expected="an image of exactly this digest",
            fix="for a stand-in or a local build, give the chart this digest, or the reference without one",
        )
    return served, origin, digests


def _is_published(asked: Name, toolbox: Tools, progress: Progress) -> bool:
    """Whether to ask the reference's own registry: it can be, and no recipe makes the image."""
    workshop = toolbox.workshop(progress)
    recipe = _recipe(asked, workshop.book) if workshop else None
    return not recipe and not (toolbox.offline and asked.host == "docker.io")


def _stored(local: str, engine: Docker, mirror: Mirror) -> str:
    """The key under which the mirror has an image of the engine, after a push if need be."""
    key = engine.run("image", "inspect", "--format", "{{.Id}}", local).stdout.strip().rpartition(":")[2]
    if not mirror.holds(key):
        pushed = mirror.store_name(key)
        engine.run("tag", local, pushed)
        try:
            engine.run("push", "--quiet", pushed, deadline=_PUSH)
        finally:
            engine.run("rmi", "--no-prune", pushed, check=False)
    return key


def _suffixed(asked: Name, suffix: str) -> str:
    """The reference with another tag; a digest would be that of another manifest, and goes."""
    return f"{asked.host}/{asked.path}:{asked.tag}{suffix}" if asked.tag else f"{asked.host}/{asked.path}:{suffix[1:]}"


def obtain(reference: str, toolbox: Tools, progress: Progress) -> tuple[str, str]:
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


def recipe_of(reference: str, book: Recipes) -> Recipe | None:
    """The recipe that makes the image of a reference, if there is one."""
    return _recipe(name(reference), book)


def _recipe(asked: Name, book: Recipes) -> Recipe | None:
    """The recipe of a reference; by digest alone any of its repository, since the digest decides in the end."""
    named = [(name(recipe.image.reference), recipe) for recipe in book.recipes.values() if recipe.image]
    fitting = [(known, recipe) for known, recipe in named if (known.host, known.path) == (asked.host, asked.path)]
    return next((recipe for known, recipe in fitting if not asked.tag or asked.tag == known.tag), None)


def provide_images(toolbox: Tools, references: Iterable[str], progress: Progress) -> Mapping[str, str]:
    """See that the engine has these images, so that a run starts from warm; return the origin of each."""
    return {reference: obtain(reference, toolbox, progress)[1] for reference in sorted({*references, REGISTRY_IMAGE})}
