"""The layers of an image that Docker saved, and which of them hold a Python package."""

from __future__ import annotations

import json
import re
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO


def holding(image: Path, package: str) -> frozenset[str]:
    """Return the digests of the layers of `image`, a file of `docker save`, that hold a module of a Python package."""
    code = re.compile(rf"(.*/)?(dist|site)-packages/{package}/.*\.py")
    with tarfile.open(image) as archive:
        return frozenset(
            digest
            for digest, layer in _layers(archive)
            if any(member.isfile() and code.fullmatch(member.name) for member in layer)
        )


def shared(images: Mapping[str, Path], package: str) -> Mapping[str, list[str]]:
    """Return the layers with the package's code that several images have, by digest, with the names of these images."""
    owners: dict[str, list[str]] = {}
    for name, image in images.items():
        for digest in holding(image, package):
            owners.setdefault(digest, []).append(name)
    return {digest: names for digest, names in owners.items() if len(names) > 1}


def _layers(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarFile]]:
    """Yield each layer with the digest of its content. A layer can be read until the next one is asked for."""
    (manifest,) = json.load(_file(archive, "manifest.json"))
    digests = json.load(_file(archive, manifest["Config"]))["rootfs"]["diff_ids"]
    for name, digest in zip(manifest["Layers"], digests, strict=True):
        with tarfile.open(fileobj=_file(archive, name)) as layer:
            yield digest, layer


def _file(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found, name
    return found
