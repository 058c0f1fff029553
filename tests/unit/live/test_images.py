"""Under which name, in which packaging format and with which digest a run's registry serves an image."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.live.image_store import ImageStore
from osh_conformance.loading import definitions
from osh_conformance.progress import Progress
from osh_conformance.provision.registries import Registries
from osh_conformance.registry.publish import publish
from osh_conformance.registry.server import Registry
from tests.unit.registry.fake import DOCKER, OCI, ImageTypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.registry.fake import FakeRegistry

FORMATS = definitions.formats()
AREA = "run/r1"
OTHER = "sha256:" + "e" * 64
BY_TAG, FLOATING, MISSING = "docker.io/x/y:1.0.0", "docker.io/x/y:latest", "docker.io/x/gone:1"


class FakeDocker:
    """A Docker that has every image but MISSING, and pushes it with the media types `types`."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self.types = DOCKER
        self.looked_up: list[str] = []

    def has_image(self, reference: str) -> bool:
        self.looked_up.append(reference)
        return reference != MISSING

    def pulled_digest(self, _reference: str) -> str | None:
        return None

    def run(self, *argv: str, **options: object) -> Any:
        del options
        match argv:
            case ("image", "inspect", "--format", text, _) if "Labels" in text:
                return SimpleNamespace(stdout="\n")
            case ("push", "--quiet", target):
                repository, _, tag = target.removeprefix(f"{self._registry.endpoint}/").rpartition(":")
                self._registry.push(repository, tag, types=self.types)
        return SimpleNamespace(stdout="sha256:abc\n")


class Run:
    """A run whose registry is empty, and whose Docker and `upstream` have the image x/y:1.0.0."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.docker = FakeDocker(registry)
        self.digest = registry.push("x/y", "1.0.0")
        self.upstream = registry.endpoint
        self.served = Registry(
            container="registry", push_endpoint=registry.endpoint, area=AREA, docker=cast("Any", self.docker)
        )

    @property
    def tools(self) -> Any:
        """The tools of a machine that Docker Hub does not answer."""
        registries = Registries(_answers={"docker.io": "docker.io: no such host"})
        return SimpleNamespace(builder=lambda _progress: None, registries=registries, docker=self.docker)

    def supply(self, reference: str, name: str | None = None) -> tuple[str, Sequence[str]]:
        """Serve an image, in a packaging format if one is named; return its name and its digests."""
        tools, chosen = self.tools, FORMATS[name] if name else None
        served, _, digests = publish(reference, tools, self.served, Progress(quiet=True), packaging_format=chosen)
        assert self.served.resolve(served) == tuple(digests)
        return served, digests


@pytest.fixture
def run(fake_registry: FakeRegistry) -> Run:
    return Run(fake_registry)


def test_an_image_in_its_own_format_keeps_its_name(run: Run) -> None:
    assert run.supply(BY_TAG, "docker") == run.supply(BY_TAG)
    assert run.supply(BY_TAG)[0] == BY_TAG


def test_each_format_of_an_image_has_its_own_name(run: Run) -> None:
    names = {name: run.supply(BY_TAG, name)[0] for name in FORMATS}
    assert names["oci-zstd"] == f"{BY_TAG}-oci-zstd"
    assert len(set(names.values())) == len(FORMATS)


def test_an_image_that_comes_in_another_format_does_not_take_its_name(run: Run) -> None:
    run.docker.types = OCI
    assert run.supply(BY_TAG)[0] == BY_TAG
    assert run.supply(BY_TAG, "docker")[0] == f"{BY_TAG}-docker"


def test_a_pinned_image_in_its_own_format_keeps_its_digest(run: Run) -> None:
    pinned = f"{run.upstream}/x/y:1.0.0@{run.digest}"
    assert run.supply(pinned, "docker") == (pinned, (run.digest,))


@pytest.mark.parametrize("name", FORMATS)
def test_a_pinned_image_in_another_format_has_another_digest(run: Run, fake_registry: FakeRegistry, name: str) -> None:
    mixed = ImageTypes(manifest=OCI.manifest, index=OCI.index, config=OCI.config, layer=DOCKER.layer)
    pinned = fake_registry.push("x/y", "1.0.0", types=mixed)
    served, digests = run.supply(f"{run.upstream}/x/y:1.0.0@{pinned}", name)
    assert served == f"{run.upstream}/x/y:1.0.0{FORMATS[name].suffix or '-docker'}"
    assert pinned not in digests


def test_an_image_by_digest_alone_gets_a_tag_in_another_format(run: Run) -> None:
    assert run.supply(f"{run.upstream}/x/y@{run.digest}", "oci-zstd")[0] == f"{run.upstream}/x/y:oci-zstd"


def test_a_local_image_with_another_digest_than_the_pinned_one_is_an_error(run: Run) -> None:
    with pytest.raises(SuiteError, match=run.digest) as raised:
        run.supply(f"docker.io/x/y:1.0.0@{OTHER}")
    assert OTHER in str(raised.value)


# -- for a run -----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(run: Run) -> ImageStore:
    cluster: Any = SimpleNamespace(name="c", registry=run.served, docker=None, nodes=())
    return ImageStore(cluster, run.tools, Progress(quiet=True))


@pytest.mark.parametrize(
    ("reference", "name", "given", "pinned"),
    [
        (BY_TAG, "docker", BY_TAG, False),
        (BY_TAG, "oci-zstd", f"{BY_TAG}-oci-zstd", False),
        (BY_TAG, "digest", f"{BY_TAG}-digest", True),
        ("{upstream}/x/y:1.0.0@{digest}", "oci-zstd", "{upstream}/x/y:1.0.0-oci-zstd", True),
        (FLOATING, "docker", FLOATING, True),
        (FLOATING, "oci-gzip", f"{FLOATING}-oci-gzip", True),
    ],
    ids=["by tag", "by tag in a format", "in the format by digest", "by digest", "floating", "floating in a format"],
)
def test_a_chart_gets_a_reference_that_holds_its_image(
    run: Run, store: ImageStore, reference: str, name: str, given: str, *, pinned: bool
) -> None:
    names = {"upstream": run.upstream, "digest": run.digest}
    published = store.publish_as(reference.format(**names), FORMATS[name])
    suffix = f"@{published.digests[0]}" if pinned else ""
    assert published.reference == f"{given.format(**names)}{suffix}"
    assert run.served.resolve(published.reference) == published.digests


def test_an_image_is_published_once_for_a_run_and_format(run: Run, store: ImageStore) -> None:
    for name in ("docker", "oci-gzip", "docker", "oci-gzip"):
        store.publish_as(FLOATING, FORMATS[name])
    assert run.docker.looked_up == [FLOATING] * 2


def test_a_missing_image_is_looked_up_once_and_is_an_error_each_time(run: Run, store: ImageStore) -> None:
    for _ in range(2):
        with pytest.raises(SuiteError, match=MISSING):
            store.publish_as(MISSING, FORMATS["docker"])
    assert run.docker.looked_up == [MISSING]


def test_a_cluster_without_a_registry_of_the_run_has_no_pull_witness() -> None:
    cluster: Any = SimpleNamespace(registry=None, name="own")
    tools: Any = SimpleNamespace()
    with pytest.raises(SuiteError, match=r"own.*registry"):
        ImageStore(cluster, tools, Progress(quiet=True)).witness()
