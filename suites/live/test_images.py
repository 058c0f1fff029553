"""Images: containers run the declared references, at the digests that these resolve to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.live_rules("KEY-1", "PIN-1")
def test_containers_run_the_declared_images(live_verdict: Verdict) -> None:
    """Every container runs the image of its key, and the digest that its reference stands for."""
    hold(live_verdict)


@pytest.mark.live_rules("SCRIPT-1")
def test_images_have_the_programs_that_scripts_run(live_verdict: Verdict) -> None:
    """No container ended because its image lacks a program."""
    hold(live_verdict)


@pytest.mark.live_rules("PP-1")
def test_containers_have_the_declared_pull_policy(live_verdict: Verdict) -> None:
    """Every container of every pod has the declared pull policy."""
    hold(live_verdict)


@pytest.mark.live_rules("PP-3")
def test_nodes_follow_the_pull_policy(live_verdict: Verdict) -> None:
    """Never sends no request to the registry, IfNotPresent one, Always one at each start."""
    hold(live_verdict)
