"""The images of one cell run: published for the cluster, and remembered by the reference that the chart gets."""

from __future__ import annotations

import base64
import functools
import secrets
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import PublishedImage
from osh_conformance.plan.cells import unavailable
from osh_conformance.registry.client import AGENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from osh_conformance.live.image_store import ImageStore
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.faults.registry_proxy import FaultyImage, FaultyRegistry

#: The standard keys whose containers run scripts of the chart: their images must hold what the scripts need.
JOB_KEYS = frozenset({"db_init", "db_drop", "ks_user", "ks_service", "ks_endpoints"})


class CellImages:
    """Publishes the images of one cell run.

    - faulty: the drop Job's image, if its pull can be made to fail.
    - stub: the image that the flavor gives to the rest of the keys, if it has published it.
    """

    def __init__(self, cell_run: CellRun, store: ImageStore, faulty_registry: Callable[[], FaultyRegistry]) -> None:
        """Publish nothing yet. `faulty_registry` returns the proxy that makes pulls fail."""
        self._cell_run = cell_run
        self._store = store
        self._faulty_registry = faulty_registry
        self._published: dict[str, PublishedImage] = {}
        self.faulty: FaultyImage | None = None
        self.stub: PublishedImage | None = None

    def publish_for_key(self, reference: str, function: str) -> str:
        """Publish a flavor's image in the cell's packaging format; return the reference for the chart.

        `function` is the standard function of the image key, or "". Raises `SuiteError` for an image that cannot be
        obtained, or that lacks what its tier promises.
        """
        axes = self._cell_run.axes
        if function in JOB_KEYS and not axes.flavor.is_stub(reference):
            self._store.check(reference, axes.flavor.tier)
        image = self._store.publish_as(reference, axes.packaging_format)
        if axes.flavor.is_stub(reference):
            self.stub = image
        self._published[image.reference] = image
        return image.reference

    def publish_faulty(self, reference: str) -> str:
        """Publish an image whose pull can be made to fail; return the reference for the chart."""
        self.faulty = self._variant(reference)
        return self.faulty.reference

    def publish_locked(self, reference: str) -> str:
        """Publish an image for which the registry demands a login, `login`; return the reference for the chart.

        No other pod has the image, so each node must pull it.
        """
        return self._variant(reference, self.login[1]).reference

    @functools.cached_property
    def login(self) -> tuple[str, str]:
        """A new login for the images of this cell run: the registry host, and `user:password` in base64."""
        words = f"{AGENT}:{secrets.token_urlsafe(18)}"
        return self._faulty_registry().host, base64.b64encode(words.encode()).decode()

    def _variant(self, reference: str, authorization: str = "") -> FaultyImage:
        """Publish a copy of an image behind the proxy that makes pulls fail."""
        if reference not in self._published:
            self._store.publish(reference)
        image = self._faulty_registry().image(reference, authorization)
        self._published[image.reference] = PublishedImage(
            reference=image.reference, origin="built", digests=image.digests, media_types=image.media_types
        )
        return image

    def publish_declared(self, references: Sequence[str], infrastructure: Sequence[str]) -> tuple[PublishedImage, ...]:
        """Publish the images that a chart declares, and those of the suite's `infrastructure`; return all of them.

        Raises `LeftOutError` for an image of the chart that cannot be obtained, if the user did not name the flavor.
        """
        for reference in references:
            if reference not in self._published:
                self._published[reference] = self._publish_own(reference)
        for reference in infrastructure:
            if reference not in self._published:
                self._published[reference] = self._store.publish(reference)
        return tuple(self._published[reference] for reference in (*references, *infrastructure))

    def _publish_own(self, reference: str) -> PublishedImage:
        try:
            return self._store.publish(reference)
        except SuiteError as error:
            if self._cell_run.axes.flavor.shipped:
                named = self._cell_run.flavor_named
                raise unavailable(error.message, named=named, details=error.details) from error
            raise
