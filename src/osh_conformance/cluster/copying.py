"""A published image, taken into the run's registry as it is: what is pinned by digest must keep its digest."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

from osh_conformance.provision.upstream import Fetched, Upstream

if TYPE_CHECKING:
    from osh_conformance.cluster.contents import Contents


def copy(reference: str, contents: Contents, target: str, tag: str) -> None:
    """Copy what `reference` stands for in its own registry to `tag` of `target`; raises `SuiteError`."""
    upstream = Upstream(reference)
    _copied(upstream, upstream.manifest(), contents, target, tag)


def _copied(upstream: Upstream, manifest: Fetched, contents: Contents, target: str, tag: str) -> None:
    content = json.loads(manifest.body)
    for entry in content.get("manifests", ()):
        _copied(upstream, upstream.manifest(entry["digest"]), contents, target, entry["digest"])
    for part in (*([content["config"]] if "config" in content else []), *content.get("layers", ())):
        with tempfile.TemporaryFile() as file:
            for piece in upstream.blob(part["digest"]):
                file.write(piece)
            size = file.tell()
            file.seek(0)
            contents.put_blob(target, part["digest"], file, size)
    contents.put_manifest(target, tag, manifest.body, manifest.media_type)
