"""Images of a run: brought to where the cluster pulls from, each once, in the format that a cell asks for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from osh_conformance import reference as grammar
from osh_conformance.cluster.kind import mirror_hosts
from osh_conformance.errors import SuiteError
from osh_conformance.live import contract
from osh_conformance.model.observation import PublishedImage
from osh_conformance.registry import images
from osh_conformance.registry.client import published_digest
from osh_conformance.registry.publish import publish
from osh_conformance.rules.tags import Hold, grade
from osh_conformance.scenario.pull_probes import PullWitness

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import PackagingFormat, Tier
    from osh_conformance.progress import Progress
    from osh_conformance.provision.tools import Tools

_T = TypeVar("_T")
#: What a probe runs: small, and ends by itself.
_PROBE = "docker.io/oshconformance/kubernetes-entrypoint:1.0.0"


class ImageStore:
    """What the cluster can pull. Threads may ask; the first to ask for an image fetches or builds it."""

    def __init__(self, cluster: Cluster, tools: Tools, progress: Progress) -> None:
        self._cluster = cluster
        self._tools = tools
        self._progress = progress
        self._lock = threading.Lock()
        self._making: dict[tuple[str, ...], threading.Lock] = {}
        self._known: dict[tuple[str, ...], object] = {}

    def image(self, reference: str) -> PublishedImage:
        """An image under its own reference. Raises `SuiteError` with why it cannot be had, each time it is asked."""
        return self._once(("", reference), lambda: self._served(reference, None))

    def flavored(self, reference: str, form: PackagingFormat) -> PublishedImage:
        """An image of a flavor in a packaging format; the result's reference is the one to give to a chart.

        It holds the digest where the format asks for it or the flavor's reference has one, and where the flavor's tag
        floats: found once for the run, it pins what all cells get. Raises `SuiteError` as `image` does.
        """
        return self._once((form.name, reference), lambda: self._pinned(reference, form))

    def witness(self) -> PullWitness:
        """The registry of the run, for probes: any image of ours that starts, in repositories of their own."""
        registry = self._cluster.registry
        if registry is None:
            raise SuiteError(f"cluster {self._cluster.name}: no registry of this run sees what its nodes pull")

        def serve(name: str) -> str:
            reference = f"docker.io/oshconformance/probe-{name}:1.0.0"
            publish(_PROBE, self._tools, registry, self._progress, served_as=reference)
            return reference

        def requests(reference: str) -> list[str]:
            repository = reference.rpartition(":")[0]
            asked = (each for each in registry.requests() if each.repository == repository)
            return [f"{each.method} {each.kind} {each.reference} {each.status}" for each in asked]

        return PullWitness(serve=serve, requests=requests)

    def check(self, reference: str, tier: Tier) -> None:
        """See that an image holds what its tier promises to job scripts; raises `SuiteError` with what it lacks."""
        if self._cluster.registry is not None:
            self._once((f"tier {tier}", reference), lambda: self._held(reference, tier))

    def _once(self, key: tuple[str, ...], make: Callable[[], _T]) -> _T:
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        # One lock for each: a large image must not keep cells waiting whose own are there.
        with making:
            if key not in self._known:
                try:
                    self._known[key] = make()
                except SuiteError as error:
                    self._known[key] = error
            known = self._known[key]
        if isinstance(known, SuiteError):
            raise known
        return known  # type: ignore[return-value]  # what `make` of the same key gave

    def _pinned(self, reference: str, form: PackagingFormat) -> PublishedImage:
        supplied = self._served(reference, form)
        if "@" in supplied.reference or not (form.by_digest or "@" in reference or floats(reference)):
            return supplied
        digest = supplied.digests[0] if supplied.digests else published_digest(reference)
        pinned = f"{supplied.reference}@{digest}"
        self._progress.say(f"  {reference} is {digest} in this run")
        return PublishedImage(
            reference=pinned,
            origin=supplied.origin,
            digests=supplied.digests or (digest,),
            media_types=supplied.media_types,
        )

    def _served(self, reference: str, form: PackagingFormat | None) -> PublishedImage:
        registry = self._cluster.registry
        if registry is None:
            return PublishedImage(reference=reference, origin="unknown", digests=())
        mirror_hosts(self._cluster, [images.name(reference).host])
        with self._progress.step(f"image {reference}{f' as {form.name}' if form and form.suffix else ''}"):
            served, origin, digests = publish(reference, self._tools, registry, self._progress, packaging_format=form)
            return PublishedImage(
                reference=served, origin=origin, digests=tuple(digests), media_types=registry.media_types(served)
            )

    def _held(self, reference: str, tier: Tier) -> None:
        local, _ = images.obtain(reference, self._tools, self._progress)
        contract.check(self._tools.docker, local, reference, tier)


def floats(reference: str) -> bool:
    """Whether a reference has no digest, and a tag that moves."""
    parsed = grammar.parse(reference)
    return parsed.digest is None and grade(parsed.tag or grammar.DEFAULT_TAG).hold is Hold.FLOATS
