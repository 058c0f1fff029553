"""Checks that an image holds the programs and modules that charts' job scripts need, in a container of the image."""

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
#: As the reference charts run it: a uid without an account, a read-only file system, no capability, no network.
_BARE = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "64321:64321")
#: The exit code of `docker run` where Docker failed, not the container.
_DOCKER_FAILED = 125
#: The last line of a check that ran.
_END = "checked"


@functools.cache
def tiers() -> Mapping[str, Mapping[str, Any]]:
    """Return the contract by tier: `programs` and Python `modules`."""
    loaded: Mapping[str, Mapping[str, Any]] = yaml.safe_load(data_folder("contract.yaml").read_text())
    return loaded


def check(docker: Docker, local: str, reference: str, tier: Tier) -> None:
    """Raise `SuiteError` for an image that lacks something of its tier; `local` is its name in Docker."""
    promised = tiers()[tier]
    lines = [f'command -v {program} >/dev/null || echo "{program}"' for program in promised["programs"]]
    lines += [
        f'python3 -c "import {module}" 2>/dev/null || echo "python3 module {module}"' for module in promised["modules"]
    ]
    # An image whose sh does nothing lacks nothing, by its own word.
    lines.append(f"echo {_END}")
    outcome = docker.run(
        "run", *_BARE, "--entrypoint", "/bin/sh", local, "-c", "\n".join(lines), deadline=_TRY, check=False
    )
    if outcome.code == _DOCKER_FAILED:
        raise SuiteError(f"Docker failed to run image {reference}", details=outcome.tail)
    said = outcome.stdout.split("\n")[:-1]
    lacking = said[:-1] if outcome.ok and said[-1:] == [_END] else ["/bin/sh"]
    if lacking:
        raise SuiteError(
            f"image {reference} lacks {', '.join(lacking)}",
            expected=f"the contents of tier {tier}: {', '.join([*promised['programs'], *promised['modules']])}",
            fix="add them to the image, or use another image for these keys",
            details="" if outcome.ok else outcome.tail,
        )
