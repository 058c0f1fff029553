"""PIN-1: the running image is the pinned image."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.mutations import with_containers
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_not_applicable, assert_undecided


def test_pin_1_does_not_apply_without_a_digest_from_a_registry() -> None:
    seen = observation()
    seen = replace(seen, images=tuple(replace(image, digests=()) for image in seen.images))
    assert_not_applicable("PIN-1", seen, "no registry gave the digest")


def test_pin_1_is_undecided_if_no_container_was_started() -> None:
    seen = with_containers(observation(), lambda c: replace(c, started_at=""))
    assert_undecided("PIN-1", seen, "was started")
