"""The image of the drop Job cannot be had from its registry."""

from __future__ import annotations

from osh_conformance.scenario.faults.base import Fault, Need, fault


@fault("image-unavailable")
class ImageUnavailable(Fault):
    """The registry answers as the scenario's `drop_image` says; no node has the image."""

    reachable = False
    needs = (Need.REGISTRY, Need.NODES)

    def strike(self) -> None:
        self.run.site.answer_pull(self.run.plan.scenario.drop_image)

    def repair(self) -> None:
        self.run.site.answer_pull("")
