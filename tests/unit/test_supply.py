"""The name, format and digest under which the run's registry serves an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.live.image_store import ImageStore
from osh_conformance.loading import records
from osh_conformance.model.observation import PublishedImage
from osh_conformance.progress import Progress
from osh_conformance.registry.publish import publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.matrix import PackagingFormat

FORMATS = records.formats()
DIGEST = "sha256:" + "d" * 64
OTHER = "sha256:" + "e" * 64
#: An image in Docker, and one that is copied from its own registry.
BY_TAG, BY_DIGEST = "docker.io/x/y:1.0.0", f"docker.io/x/y:1.0.0@{DIGEST}"


@dataclass
class FakeRegistry:
    """Remembers what it serves. `native` is the format of the stored images."""

    native: str
    stored: set[str] = field(default_factory=set)
    served: dict[str, str] = field(default_factory=dict)

    def has_stored(self, key: str) -> bool:
        return key in self.stored

    def store_name(self, key: str) -> str:
        self.stored.add(key)
        return f"mirror/{key}"

    def copy_in(self, reference: str, key: str) -> None:
        assert "@" in reference
        self.stored.add(key)

    def repackage(self, key: str, packaging_format: PackagingFormat) -> str:
        assert key in self.stored
        return key if packaging_format.name == self.native else f"{key}-{packaging_format.name}"

    def serve(self, reference: str, key: str) -> Sequence[str]:
        assert self.served.setdefault(reference, key) == key, "one name, one manifest"
        return (DIGEST if key in self.stored else OTHER,)


class _Docker:
    """Has every image already."""

    def has_image(self, _reference: str) -> bool:
        return True

    def run(self, *_words: object, **_: object) -> Any:
        return SimpleNamespace(stdout="sha256:abc\n")


@pytest.fixture
def tools() -> Any:
    return SimpleNamespace(builder=lambda _progress: None, offline=False, docker=_Docker(), registry_answer="")


def supply(tools: Any, registry: FakeRegistry, reference: str, form: str | None = None) -> tuple[str, Sequence[str]]:
    chosen = FORMATS[form] if form else None
    served, _, digests = publish(reference, tools, cast("Any", registry), Progress(quiet=True), packaging_format=chosen)
    return served, digests


def test_publish_keeps_the_name_of_an_image_in_its_own_format(tools: Any) -> None:
    registry = FakeRegistry("docker")
    assert supply(tools, registry, BY_TAG, "docker") == supply(tools, registry, BY_TAG) == (BY_TAG, (DIGEST,))


def test_publish_gives_each_format_a_different_name(tools: Any) -> None:
    registry = FakeRegistry("docker")
    names = {form: supply(tools, registry, BY_TAG, form)[0] for form in FORMATS}
    assert names["oci-zstd"] == "docker.io/x/y:1.0.0-oci-zstd"
    assert len(set(names.values())) == len(FORMATS)


def test_publish_renames_an_image_that_is_stored_in_another_format(tools: Any) -> None:
    registry = FakeRegistry("oci-gzip")
    assert supply(tools, registry, BY_TAG)[0] == BY_TAG
    assert supply(tools, registry, BY_TAG, "docker")[0] == "docker.io/x/y:1.0.0-docker"


def test_publish_keeps_the_digest_of_a_pinned_image_in_its_own_format(tools: Any) -> None:
    assert supply(tools, FakeRegistry("docker"), BY_DIGEST, "docker") == (BY_DIGEST, (DIGEST,))


@pytest.mark.parametrize("form", FORMATS)
def test_publish_gives_a_pinned_image_in_another_format_another_digest(tools: Any, form: str) -> None:
    served, digests = supply(tools, FakeRegistry("none"), BY_DIGEST, form)
    assert served == f"docker.io/x/y:1.0.0{FORMATS[form].suffix or '-docker'}"
    assert digests == (OTHER,)


def test_publish_tags_an_image_by_digest_in_another_format(tools: Any) -> None:
    assert supply(tools, FakeRegistry("none"), f"docker.io/x/y@{DIGEST}", "oci-zstd")[0] == "docker.io/x/y:oci-zstd"


def test_publish_rejects_a_pinned_image_with_another_digest(tools: Any) -> None:
    with pytest.raises(SuiteError, match=f"has this image as {DIGEST}, so a pull by the pinned digest"):
        supply(tools, FakeRegistry("docker"), f"docker.io/x/y:1.0.0@{OTHER}")


# -- for a run -----------------------------------------------------------------------------------------------------


class _Supplies(ImageStore):
    """Serves references under the format's tag, and counts the calls."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(registry=None), SimpleNamespace(), Progress(quiet=True))  # type: ignore[arg-type]
        self.asked: list[str] = []

    def _served(self, reference: str, packaging_format: PackagingFormat | None) -> PublishedImage:
        self.asked.append(reference)
        if "gone" in reference:
            raise SuiteError("no registry has it")
        suffix = packaging_format.suffix if packaging_format else ""
        return PublishedImage(
            reference=f"{reference.partition('@')[0]}{suffix}", origin="built", digests=(OTHER, DIGEST)
        )


@pytest.mark.parametrize(
    ("reference", "form", "given"),
    [
        (BY_TAG, "docker", BY_TAG),
        (BY_TAG, "oci-zstd", f"{BY_TAG}-oci-zstd"),
        (BY_TAG, "digest", f"{BY_TAG}-digest@{OTHER}"),
        (BY_DIGEST, "oci-zstd", f"{BY_TAG}-oci-zstd@{OTHER}"),
        ("docker.io/x/y:latest", "docker", f"docker.io/x/y:latest@{OTHER}"),
        ("docker.io/x/y:latest", "oci-gzip", f"docker.io/x/y:latest-oci-gzip@{OTHER}"),
    ],
    ids=["pinned by tag", "in a format", "by digest", "pinned by digest", "floats", "floats in a format"],
)
def test_image_store_gives_a_chart_the_reference_of_its_image(reference: str, form: str, given: str) -> None:
    supplied = _Supplies().flavored(reference, FORMATS[form])
    assert (supplied.reference, supplied.digests) == (given, (OTHER, DIGEST))


def test_image_store_publishes_each_image_and_format_once() -> None:
    supplies = _Supplies()
    for form in ("docker", "oci-gzip", "docker", "oci-gzip"):
        supplies.flavored("docker.io/x/y:latest", FORMATS[form])
    assert len(supplies.asked) == 2


def test_image_store_tries_a_missing_image_once_and_reports_it_each_time() -> None:
    supplies = _Supplies()
    for _ in range(2):
        with pytest.raises(SuiteError, match="no registry has it"):
            supplies.flavored("docker.io/x/gone:1", FORMATS["docker"])
    assert len(supplies.asked) == 1


def test_image_store_has_no_pull_witness_without_a_registry() -> None:
    cluster = SimpleNamespace(registry=None, name="own")
    with pytest.raises(SuiteError, match="no registry of this run"):
        ImageStore(cluster, SimpleNamespace(), Progress(quiet=True)).witness()  # type: ignore[arg-type]
