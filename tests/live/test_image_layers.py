"""Flavors of a service are different images: none has a layer of another that holds the service's code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from osh_conformance.folders import default_folders
from osh_conformance.loading import definitions
from osh_conformance.provision import recipes
from osh_conformance.registry import images
from tests import image_layers
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: minimal has the distribution's image of the service, and only its Jobs have others; mixed has those of other flavors.
_SAME = ("minimal", "mixed")
_FLAVORS = {name: flavor for name, flavor in definitions.flavors().items() if name not in _SAME}
_COUNTS = Counter(service for flavor in _FLAVORS.values() for service in flavor.services)
_SERVICES = sorted(service for service, count in _COUNTS.items() if count > 1)


def _built(service: str) -> dict[str, Path]:
    """Return the images of a service that recipes built here, by flavor."""
    book, folders = recipes.load(ROOT / "ci"), default_folders()
    made = {
        name: recipe
        for name, flavor in _FLAVORS.items()
        if service in flavor.services and (recipe := images.recipe_of(flavor.services[service], book))
    }
    files = {name: folders.builds / f"{each.name}-{book.key(each.name)}" / "image.tar" for name, each in made.items()}
    return {name: file for name, file in files.items() if file.is_file()}


@pytest.mark.parametrize("service", _SERVICES)
def test_no_two_flavors_share_a_layer_with_the_code_of_a_service(service: str) -> None:
    built = _built(service)
    if len(built) < 2:
        pytest.skip(f"recipes built images of fewer than two flavors of {service} here")
    assert {name for name, image in built.items() if not image_layers.holding(image, service)} == set()
    assert image_layers.shared(built, service) == {}
