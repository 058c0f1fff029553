"""A fault of the registry: it does not serve the image of the drop Job."""

from __future__ import annotations

from osh_conformance.scenario.faults.base import Fault, fault


@fault("image-unavailable")
class ImageUnavailable(Fault):
    """The registry answers with the scenario's `drop_image`; no node has the image."""

    def inject(self) -> None:
        self.state.context.answer_pull(self.state.plan.scenario.drop_image or "")

    def repair(self) -> None:
        self.state.context.answer_pull("")
