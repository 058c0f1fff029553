"""Images: from a published reference, or from the recipe that makes it, to the mirror that nodes pull from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from osh_conformance.errors import SuiteError
from osh_conformance.process import CommandError
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.provision.toolbox import Toolbox

#: The image of the mirror itself.
REGISTRY_IMAGE = "docker.io/library/registry:2.8.3"
_PULL = 900.0
_PUSH = 900.0
PUBLISHED = "published"
BUILT = "built"


class Mirror(Protocol):
    """The registry of a run, as far as supplying it needs."""

    @property
    def push_endpoint(self) -> str:
        """Host and port where the engine pushes to it."""

    def resolve(self, reference: str) -> Sequence[str]:
        """The digests that a reference has there."""


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
        return (
            f"{self.host}/{self.path}"
            + (f":{self.tag}" if self.tag else "")
            + (f"@{self.digest}" if self.digest else "")
        )

    @property
    def repository(self) -> str:
        """Its repository in the mirror, which keeps hosts apart by a first component."""
        return f"{prefix(self.host)}/{self.path}"

    @property
    def wanted(self) -> str:
        """What is asked for there: the digest if there is one, else the tag."""
        return self.digest or self.tag


def prefix(host: str) -> str:
    """The first component of a repository in the mirror. A port's colon is no part of a repository's grammar."""
    return host.lower().replace(":", "_")


def name(reference: str) -> Name:
    """Split a reference as container runtimes do: no host means docker.io, no tag and no digest means latest."""
    rest, _, digest = reference.partition("@")
    head, slash, tail = rest.partition("/")
    has_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    host, path = (head, tail) if has_host else ("docker.io", rest)
    path, colon, tag = path.rpartition(":") if ":" in path else (path, "", "")
    if host in ("docker.io", "index.docker.io"):
        host = "docker.io"
        path = path if "/" in path else f"library/{path}"
    if not path or (colon and not tag):
        raise SuiteError(f"`{reference}` is no image reference", expected="registry/repository:tag")
    return Name(host=host, path=path, tag=tag or ("" if digest else "latest"), digest=digest)


def supply(reference: str, toolbox: Toolbox, mirror: Mirror, *, progress: Progress | None = None) -> SuppliedImage:
    """See that the mirror serves `reference`; raises `SuiteError` with the answers of all who were asked."""
    asked = name(reference)
    local, origin = obtain(reference, toolbox, progress or Progress(quiet=True))
    tag = asked.tag or "digest-" + hashlib.sha256(asked.digest.encode()).hexdigest()[:12]
    pushed = f"{mirror.push_endpoint}/{asked.repository}:{tag}"
    engine = toolbox.engine
    engine.run("tag", local, pushed)
    try:
        engine.run("push", "--quiet", pushed, deadline=_PUSH)
    finally:
        engine.run("rmi", "--no-prune", pushed, check=False)
    served = mirror.resolve(f"{asked.host}/{asked.path}:{tag}")
    if asked.digest and asked.digest not in served:
        raise SuiteError(
            f"{reference}: the mirror serves this image as {served[0]}, so a pull by the pinned digest would fail",
            expected="an image of exactly this digest",
            fix="for a stand-in or a local build, give the chart this digest, or the reference without one",
        )
    return SuppliedImage(reference=reference, origin=origin, digest=served[0])


def obtain(reference: str, toolbox: Toolbox, progress: Progress) -> tuple[str, str]:
    """See that the engine has the image of `reference`; return its name there and its origin."""
    asked = name(reference)
    engine = toolbox.engine
    workshop = toolbox.workshop(progress)
    recipe = workshop.book.providing(reference) if workshop else None
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


def provide_images(toolbox: Toolbox, references: Iterable[str] | None, progress: Progress) -> Mapping[str, str]:
    """See that the engine has these images, so that a run starts from warm; return the origin of each.

    None means the mirror's own image and all that the recipes of `images` make.
    """
    if references is None:
        made = [r for r in toolbox.book.recipes.values() if r.folder.parent.name == "images"] if toolbox.book else []
        references = sorted({REGISTRY_IMAGE, *(r.image.reference for r in made if r.image)})
    return {reference: obtain(reference, toolbox, progress)[1] for reference in references}
