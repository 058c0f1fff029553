"""The file that a container finds at a path."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osh_conformance.manifests.mounts import Place, file_at
from tests.unit.manifests.job import config_map, pod, secret


@pytest.mark.parametrize(
    ("path", "place", "key"),
    [
        ("/scripts/a.sh", Place.PRESENT, "a.sh"),
        ("/scripts/b.sh", Place.ABSENT, "b.sh"),
        ("/etc/service/renamed.conf", Place.PRESENT, "conf"),
        ("/etc/service/conf", Place.ABSENT, "conf"),
        ("/work-dir/run.py", Place.ABSENT, "run.py"),
        ("/work-dir/other", Place.EMPTY, ""),
        ("/host/etc/passwd", Place.OTHER, ""),
        ("/elsewhere/x", Place.EXTERNAL, "x"),
        ("/scripts-and-more/a.sh", Place.IMAGE, ""),
    ],
)
def test_file_at_finds_the_file_of_the_innermost_mount(path: str, place: Place, key: str) -> None:
    job, entry = pod({}, config_map(**{"a.sh": "#!/bin/sh\n"}), secret(conf="[a]\n"))
    found = file_at(job, entry, path)
    assert (found.place, found.key) == (place, key)


def test_a_missing_entry_of_an_optional_volume_is_external() -> None:
    volume = {"name": "bin", "configMap": {"name": "bin", "optional": True}}
    job, entry = pod({}, config_map(**{"a.sh": "#!/bin/sh\n"}))
    optional = replace(job, spec={**job.spec, "volumes": [volume]})
    assert [file_at(optional, entry, f"/scripts/{name}").place for name in ("a.sh", "b.sh")] == [
        Place.PRESENT,
        Place.EXTERNAL,
    ]
