"""Publishes the images of a run where the cluster pulls them, each once, in the packaging format of a cell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from osh_conformance import reference as grammar
from osh_conformance.cluster.kind import mirror_hosts
from osh_conformance.errors import SuiteError
from osh_conformance.live import contract
from osh_conformance.model.observation import PublishedImage
from osh_conformance.provision.registries import belongs_to_nobody
from osh_conformance.registry import images
from osh_conformance.registry.client import published_digest
from osh_conformance.registry.publish import publish
from osh_conformance.rules.shared.tags import Hold, grade
from osh_conformance.scenario.pull_probes import PullWitness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import PackagingFormat, Tier
    from osh_conformance.progress import Progress
    from osh_conformance.provision.tools import Tools

_T = TypeVar("_T")
#: The image of the pull probes: every run with a registry of its own has it.
_PROBE = images.REGISTRY_IMAGE


class ImageStore:
    """The images that the cluster can pull. Threads share it; the first that needs an image fetches or builds it."""

    def __init__(self, cluster: Cluster, tools: Tools, progress: Progress) -> None:
        self._cluster = cluster
        self._tools = tools
        self._progress = progress
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, ...], threading.Lock] = {}
        self._results: dict[tuple[str, ...], object] = {}

    def publish(self, reference: str) -> PublishedImage:
        """Publish an image under its own reference. Raises `SuiteError` for one that cannot be obtained, each time."""
        return self._once(("", reference), lambda: self._push(reference, None))

    def publish_as(self, reference: str, packaging_format: PackagingFormat) -> PublishedImage:
        """Publish an image of a flavor in a packaging format; the result's reference is the one to give to a chart.

        The reference has a digest if the format requires one, if the flavor's reference has one, if the flavor's tag
        floats, or if the image was pulled: resolved once for the run, it pins the image of all cells. Raises
        `SuiteError` as `publish` does.
        """
        return self._once((packaging_format.name, reference), lambda: self._pinned(reference, packaging_format))

    def witness(self) -> PullWitness:
        """Return the registry of the run for pull probes: each probe gets an image in a repository of its own."""
        registry = self._cluster.registry
        if registry is None:
            raise SuiteError(f"cluster {self._cluster.name}: no registry of this run sees the pulls of its nodes")

        def serve(name: str) -> str:
            reference = f"osh-conformance.invalid/probe-{name}:1.0.0"
            publish(_PROBE, self._tools, registry, self._progress, served_as=reference)
            return reference

        def requests(reference: str) -> list[str]:
            repository = reference.rpartition(":")[0]
            own = (request for request in registry.requests() if request.repository == repository)
            return [f"{request.method} {request.kind} {request.reference} {request.status}" for request in own]

        return PullWitness(serve=serve, requests=requests)

    def check(self, reference: str, tier: Tier) -> None:
        """Check that an image holds what its tier promises to job scripts; raises `SuiteError` with what it lacks."""
        if self._cluster.registry is not None:
            self._once((f"tier {tier}", reference), lambda: self._check_contract(reference, tier))

    def _once(self, key: tuple[str, ...], make: Callable[[], _T]) -> _T:
        """Return the result of `make`, called once for each key; an error is raised again for each caller."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        # One lock for each key: a large image must not delay the cells that need other images.
        with lock:
            if key not in self._results:
                try:
                    self._results[key] = make()
                except SuiteError as error:
                    self._results[key] = error
            result = self._results[key]
        if isinstance(result, SuiteError):
            raise result
        return result  # type: ignore[return-value]  # `make` of the same key returned it

    def _pinned(self, reference: str, packaging_format: PackagingFormat) -> PublishedImage:
        published = self._push(reference, packaging_format)
        by_digest = packaging_format.by_digest or "@" in reference or self._moves(reference, published)
        if "@" in published.reference or not by_digest:
            return published
        digest = published.digests[0] if published.digests else self._published_digest(reference)
        pinned = f"{published.reference}@{digest}"
        self._progress.say(f"  {reference} is {digest} in this run")
        return PublishedImage(
            reference=pinned,
            origin=published.origin,
            digests=published.digests or (digest,),
            media_types=published.media_types,
        )

    def _published_digest(self, reference: str) -> str:
        return published_digest(reference, mirrors=self._tools.registries.mirrors)

    def _moves(self, reference: str, published: PublishedImage) -> bool:
        """Whether the tag may get another image during the run. No tag of an image that was built here does."""
        if floats(reference):
            return True
        pulled = published.origin not in {"unknown", images.BUILT}
        # A stand-in that a recipe made has another name in Docker.
        return pulled and self._tools.docker.has_image(images.name(reference).canonical)

    def _push(self, reference: str, packaging_format: PackagingFormat | None) -> PublishedImage:
        registry = self._cluster.registry
        if registry is None:
            if is_own(reference):
                raise not_public([reference])
            return PublishedImage(reference=reference, origin="unknown", digests=())
        mirror_hosts(self._cluster, [images.name(reference).host])
        suffix = f" as {packaging_format.name}" if packaging_format and packaging_format.suffix else ""
        with self._progress.step(f"image {reference}{suffix}"):
            served, origin, digests = publish(
                reference, self._tools, registry, self._progress, packaging_format=packaging_format
            )
            return PublishedImage(
                reference=served, origin=origin, digests=tuple(digests), media_types=registry.media_types(served)
            )

    def _check_contract(self, reference: str, tier: Tier) -> None:
        local, _ = images.obtain(reference, self._tools, self._progress)
        contract.check(self._tools.docker, local, reference, tier)


def is_own(reference: str) -> bool:
    """Whether a reference names one of the suite's own images, which only the registry of a run serves."""
    try:
        return belongs_to_nobody(images.name(reference).host)
    except SuiteError:
        return False


def not_public(references: Sequence[str]) -> SuiteError:
    """Return the error for own images on a cluster of the user."""
    names = ", ".join(references)
    return SuiteError(
        f"a cluster of yours cannot pull {names}: only the registry of a run serves the suite's own images",
        expected="images that the cluster can pull",
        fix="--flavor-file FILE with your images, a flavor such as loci, or the chart's own with --flavor shipped",
    )


def floats(reference: str) -> bool:
    """Return whether a reference has no digest, and a tag that moves."""
    parsed = grammar.parse(reference)
    return parsed.digest is None and grade(parsed.tag or grammar.DEFAULT_TAG).hold is Hold.FLOATS
