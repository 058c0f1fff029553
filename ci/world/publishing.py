"""What the world publishes: images of our builds, as blobs and manifests. No Docker is needed for it.

An image is taken from the archive that `docker save` wrote. The same archive always gives the same digest, so the
store outlives a world, and the next one starts at once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Mapping  # noqa: TC003  (the loader reads the types of fields)
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from ci.world import layout
from osh_conformance.errors import SuiteError
from osh_conformance.loading import records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from osh_conformance.progress import Progress

_LABEL = "ci.world"
#: Labels of our builds, by which the suite knows them. What is published must look like anybody's.
_OURS = "osh-conformance."
_TEXT = "a stand-in: not what stands behind this name on the internet"
_CHUNK = 1 << 20
#: Layers are read once and compressed once: speed counts.
_LEVEL = 1
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
#: Written into the record of a published image: change it when the same archive must give another image.
_VERSION = 4
_HEX = re.compile(r"[0-9a-f]{64}")
_KUBEADM = """#!/bin/bash
# A node image of kind's needs none of this. It is for machines with cgroup v1.
if [ -e /kind/kubeadm.conf ]; then
  sed -i 's/^cgroupDriver: systemd/cgroupDriver: cgroupfs/; s/^kind: KubeletConfiguration/&\\nfailCgroupV1: false/' \
    /kind/kubeadm.conf
fi
exec -a kubeadm /usr/bin/kubernetes "$@"
"""
_NO_CNI = """apiVersion: v1
kind: ConfigMap
metadata: {name: no-cni-needed, namespace: kube-system}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedImage:
    """An image of `published.toml`."""

    recipe: str
    references: tuple[str, ...]
    optional: bool = False
    change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """`published.toml`."""

    images: tuple[PublishedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """A host of `internet.toml`; `registries/main.go` says what the fields mean."""

    name: str
    group: str
    kind: str
    serves: str = ""
    realm: str = ""
    service: str = ""
    blobs: str = ""
    token: str = ""
    limited: bool = False
    strict: bool = False
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InternetFile:
    """`internet.toml`."""

    hosts: tuple[HostSpec, ...]
    accounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in order."""
        return tuple(dict.fromkeys(host.group for host in self.hosts))


def published() -> tuple[PublishedImage, ...]:
    """Return what the world publishes."""
    return records.load(PublishedFile, layout.HERE / "published.toml").images


def internet() -> InternetFile:
    """Return who answers in the world."""
    return records.load(InternetFile, layout.HERE / "internet.toml")


@dataclass(slots=True, kw_only=True)
class Store:
    """Blobs and manifests, by their digests."""

    folder: Path
    progress: Progress

    def publish(self, archive: Path, change: str = "") -> str:
        """Return the digest of the image in an archive of `docker save`; bring it in if it is new."""
        extra = _CHANGES[change]() if change else {}
        inputs = json.dumps([_VERSION, archive.parent.name, change, sorted(extra)], sort_keys=True)
        inputs += "".join(sorted(hashlib.sha256(content).hexdigest() for content in extra.values()))
        record = self.folder / "images" / hashlib.sha256(inputs.encode()).hexdigest()
        if not record.is_file():
            with self.progress.step(f"publish {archive.parent.name}"):
                digest = self._bring_in(archive, extra)
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(digest)
        # For `forget`: it removes what no recent world published.
        os.utime(record)
        return record.read_text()

    def _bring_in(self, archive: Path, extra: Mapping[str, bytes]) -> str:
        with tarfile.open(archive) as tar:
            listed = json.load(_member(tar, "manifest.json"))[0]
            config = json.load(_member(tar, listed["Config"]))
            layers = [self._layer(_member(tar, name)) for name in listed["Layers"]]
        if extra:
            content = _tar(extra)
            config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(content).hexdigest())
            config.get("history", []).append({"created_by": "ci.world"})
            layers.append(self._layer(io.BytesIO(content)))
        for part in ("config", "container_config"):
            labels = (config.get(part) or {}).get("Labels") or {}
            kept = {name: text for name, text in labels.items() if not name.startswith(_OURS)}
            if part in config:
                config[part]["Labels"] = {**kept, _LABEL: _TEXT}
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(_CONFIG, json.dumps(config, sort_keys=True).encode()),
            "layers": layers,
        }
        return str(self._blob(_MANIFEST, json.dumps(manifest).encode())["digest"])

    def _layer(self, stream: IO[bytes]) -> Mapping[str, Any]:
        # Into a file beside its final place: a layer may be larger than memory.
        new = self.blobs / f"new-{os.getpid()}"
        with new.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed:
            start = stream.read(2)
            if start == b"\x1f\x8b":
                raise SuiteError("the archive has compressed layers, which this store does not take")
            packed.write(start)
            while chunk := stream.read(_CHUNK):
                packed.write(chunk)
        with new.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        size = new.stat().st_size
        new.replace(self.blobs / digest)
        return {"mediaType": _LAYER, "size": size, "digest": f"sha256:{digest}"}

    def _blob(self, kind: str, content: bytes) -> Mapping[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self.blobs / digest).write_bytes(content)
        return {"mediaType": kind, "size": len(content), "digest": f"sha256:{digest}"}

    @property
    def blobs(self) -> Path:
        """The folder of the blobs."""
        folder = self.folder / "blobs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def forget(self, wanted: Sequence[str]) -> None:
        """Remove what is not part of the images `wanted`, which are digests."""
        kept = set()
        for digest in wanted:
            name = digest.removeprefix("sha256:")
            kept |= {name, *_HEX.findall((self.blobs / name).read_text())}
        for blob in self.blobs.iterdir():
            if blob.name not in kept:
                blob.unlink()
        for record in (self.folder / "images").iterdir():
            if record.read_text() not in wanted:
                record.unlink()


def index(digests: Mapping[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    """Return registry -> repository -> tag -> digest, of digests by reference."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for reference, digest in digests.items():
        registry, _, rest = reference.partition("/")
        name, _, tag = rest.rpartition(":")
        found.setdefault(registry, {}).setdefault(name, {})[tag] = digest
    return found


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    # `extractfile` follows links: equal layers are links to each other.
    stream = tar.extractfile(name)
    if stream is None:
        raise SuiteError(f"{tar.name!r} has no file {name}")
    return stream


def _tar(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def _node() -> dict[str, bytes]:
    """Return what a published node image has and ours lacks: a network of its own, and a kubeadm that fits."""
    return {"usr/bin/kubeadm": _KUBEADM.encode(), "kind/manifests/default-cni.yaml": _NO_CNI.encode()}


_CHANGES: Mapping[str, Callable[[], dict[str, bytes]]] = {"node": _node}
