"""Rendering with the `helm` program, kept away from the user's own Helm settings and from any cluster."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.folders import helm_homes
from osh_conformance.process import Command, run
from osh_conformance.render.engines.base import NAMESPACE, RELEASE, without_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The worker process limits the time, by the processor's clock; this is the last resort.
_DEADLINE = 600.0
_SOURCE = re.compile(r"^# Source: (.+)$", re.MULTILINE)
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)


class ProgramRenderer:
    """Runs `helm template`."""

    name = "helm"

    def __init__(self, helm: str) -> None:
        self._helm = helm

    def render(
        self,
        folder: Path,
        values: Mapping[str, Any],
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        *,
        upgrade: bool = False,
    ) -> dict[str, str]:
        """Render; see `Renderer`."""
        with tempfile.TemporaryDirectory(prefix="osh-conformance-helm-") as scratch:
            file = Path(scratch) / "values.json"
            file.write_text(json.dumps(values), encoding="utf-8")
            argv = [self._helm, "template", release, str(folder), "--namespace", namespace, "--values", str(file)]
            if upgrade:
                argv.append("--is-upgrade")
            outcome = run(Command(argv=argv, env=_isolated(Path(scratch))), deadline=_DEADLINE, check=False)
        if not outcome.ok:
            silent = f"{self._helm} ended with exit code {outcome.code}, and printed nothing"
            raise SuiteError(f"does not render: {without_folder(outcome.tail, folder) or silent}")
        return _by_template(outcome.stdout)


def _isolated(scratch: Path) -> dict[str, str]:
    own = {"HELM_PLUGINS": str(scratch / "plugins"), "HELM_DEBUG": "false", "KUBECONFIG": str(scratch / "none")}
    return {**helm_homes(scratch), **own}


def _by_template(output: str) -> dict[str, str]:
    """Group the documents of helm's output by their template."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    template = ""
    for document in _SEPARATOR.split(output):
        if source := _SOURCE.search(document):
            template = source[1].strip()
        if document.strip():
            texts[template].append(document)
    return {template: "\n---\n".join(documents) for template, documents in texts.items()}
