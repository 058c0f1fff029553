"""The layers of a saved image: those with a package's code are found, and found out where two images share one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests import image_layers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SYSTEM = {"etc/os-release": "Debian", "usr/lib/python3/dist-packages/heatclient/shell.py": "client"}
CODE = {"usr/lib/python3/dist-packages/heat/engine/service.py": "engine"}
VENV = {"var/lib/openstack/lib/python3.11/site-packages/heat/engine/service.py": "engine"}
SETTINGS = {"etc/heat/api-paste.ini": "", "usr/share/heat/heat/x.py": ""}


def packed(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def image(file: Path, *layers: Mapping[str, str]) -> Path:
    """Write what `docker save` writes of an image with these layers."""
    names = [f"{number}/layer.tar" for number, _ in enumerate(layers)]
    contents = [packed({name: text.encode() for name, text in layer.items()}) for layer in layers]
    digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in contents]
    parts = {
        "manifest.json": json.dumps([{"Config": "config.json", "Layers": names}]).encode(),
        "config.json": json.dumps({"rootfs": {"type": "layers", "diff_ids": digests}}).encode(),
    }
    file.write_bytes(packed(parts | dict(zip(names, contents, strict=True))))
    return file


def test_only_layers_with_modules_of_the_package_hold_its_code(tmp_path: Path) -> None:
    assert len(image_layers.holding(image(tmp_path / "a.tar", SYSTEM, CODE, SETTINGS), "heat")) == 1
    assert len(image_layers.holding(image(tmp_path / "b.tar", SYSTEM, CODE, VENV), "heat")) == 2
    assert not image_layers.holding(image(tmp_path / "c.tar", SYSTEM, SETTINGS), "heat")


@pytest.mark.parametrize(("layers", "found"), [((SYSTEM, VENV), 0), ((SYSTEM, CODE), 1), ((CODE,), 1)])
def test_a_shared_layer_with_code_is_found_and_one_of_the_system_is_not(
    tmp_path: Path, layers: tuple[Mapping[str, str], ...], found: int
) -> None:
    images = {"distribution": image(tmp_path / "a.tar", SYSTEM, CODE), "loci": image(tmp_path / "b.tar", *layers)}
    assert list(image_layers.shared(images, "heat").values()) == [["distribution", "loci"]] * found
