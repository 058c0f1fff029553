"""Publishing images in the run's registry, from which the nodes pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.registry.answers import RegistryError
from osh_conformance.registry.images import BUILT, PUBLISHED, Name, find_recipe, name, obtain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.tools import Tools
    from osh_conformance.registry.server import Registry

_PUSH = 900.0


def publish(  # noqa: PLR0913
    reference: str,
    tools: Tools,
    registry: Registry,
    progress: Progress,
    *,
    packaging_format: PackagingFormat | None = None,
    served_as: str | None = None,
) -> tuple[str, str, Sequence[str]]:
    """Make the run's registry serve `reference`; return its name there, its origin and its digests.

    With `packaging_format` the registry serves it in that format under a separate tag, because a tag has one
    manifest. `served_as` is another name for it. Raises `SuiteError` with the answers of everyone who was asked.
    """
    requested = name(reference)
    key = requested.digest.rpartition(":")[2]
    if requested.digest and (registry.has_stored(key) or _copied(requested, tools, registry, progress)):
        origin = PUBLISHED
    else:
        local, origin = obtain(reference, tools, progress)
        key = _stored(local, tools.docker, registry)
    packaged = registry.repackage(key, packaging_format) if packaging_format else key
    served = served_as or reference
    if packaging_format and not served_as and not (packaged == key and not packaging_format.suffix):
        # Another format has another manifest, which needs another name.
        served = _suffixed(requested, packaging_format.suffix or f"-{packaging_format.name}")
    digests = registry.serve(served, packaged)
    if served == reference and requested.digest and requested.digest not in digests:
        raise SuiteError(
            f"{reference}: the run's registry has this image as {digests[0]}, so a pull by the pinned digest fails",
            expected="an image with exactly this digest",
            fix="for a stand-in or a local build, put this digest into the chart, or a reference without a digest",
        )
    return served, origin, digests


def _copied(requested: Name, tools: Tools, registry: Registry, progress: Progress) -> bool:
    """Copy an image by its digest from its own registry; return False if Docker has to provide it.

    Docker would push it under another digest, because it compresses layers again. Raises `RegistryError` if neither
    has it.
    """
    builder = tools.builder(progress)
    recipe = find_recipe(requested, builder.recipes) if builder else None
    own = recipe and recipe.image and recipe.image.origin == BUILT
    if own or tools.registries.silence(requested.canonical):
        return False
    try:
        registry.copy_in(requested.canonical, requested.digest.rpartition(":")[2], tools.registries.mirrors)
    except RegistryError:
        if not tools.docker.has_image(requested.canonical):
            raise
        return False
    return True


def _stored(local: str, docker: Docker, registry: Registry) -> str:
    """Push one of Docker's images unless the registry has it; return its key in the registry."""
    key = docker.run("image", "inspect", "--format", "{{.Id}}", local).stdout.strip().rpartition(":")[2]
    if not registry.has_stored(key):
        pushed = registry.store_name(key)
        docker.run("tag", local, pushed)
        try:
            docker.run("push", "--quiet", pushed, deadline=_PUSH)
        finally:
            docker.run("rmi", "--no-prune", pushed, check=False)
    return key


def _suffixed(requested: Name, suffix: str) -> str:
    """Return the reference with another tag, without its digest, which belongs to another manifest."""
    return (
        f"{requested.host}/{requested.path}:{requested.tag}{suffix}"
        if requested.tag
        else f"{requested.host}/{requested.path}:{suffix[1:]}"
    )
