"""Whether an image holds what charts' job scripts may expect of it, tried in a container of it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import data_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.matrix import Tier
    from osh_conformance.provision.docker import Docker

_TRY = 60.0
#: As our charts run it: a uid that no image knows, nothing writable, no capability, no network.
_BARE = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "64321:64321")
#: The engine itself failed, not the container.
_ENGINE_FAILED = 125


@functools.cache
def tiers() -> Mapping[str, Mapping[str, Any]]:
    """The contract, by tier: `programs` and Python `modules`."""
    loaded: Mapping[str, Mapping[str, Any]] = yaml.safe_load(data_folder("contract.yaml").read_text())
    return loaded


def check(engine: Docker, local: str, reference: str, tier: Tier) -> None:
    """Raise `SuiteError` that says what the image lacks; `local` is its name in the engine."""
    asked = tiers()[tier]
    lines = [f'command -v {program} >/dev/null || echo "{program}"' for program in asked["programs"]]
    lines += [
        f'python3 -c "import {module}" 2>/dev/null || echo "python3 module {module}"' for module in asked["modules"]
    ]
    outcome = engine.run(
        "run", *_BARE, "--entrypoint", "/bin/sh", local, "-c", "\n".join(lines), deadline=_TRY, check=False
    )
    if outcome.code == _ENGINE_FAILED:
        raise SuiteError(f"image {reference} cannot be tried", details=outcome.tail)
    lacking = outcome.stdout.split("\n")[:-1] if outcome.ok else ["/bin/sh"]
    if lacking:
        raise SuiteError(
            f"image {reference} lacks {', '.join(lacking)}",
            expected=f"what an image of tier {tier} promises: {', '.join([*asked['programs'], *asked['modules']])}",
            fix="put it into the image, or name another image for these keys",
            details="" if outcome.ok else outcome.tail,
        )
