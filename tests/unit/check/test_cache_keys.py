"""What the keys of cached renderings depend on."""

from __future__ import annotations

import re
from pathlib import Path

import osh_conformance
from osh_conformance.check.charts import RENDERING_ROOMS

_PACKAGE = Path(osh_conformance.__file__).parent
_ROOM = re.compile(r"^\s*from osh_conformance\.(\w+)", re.MULTILINE)


def test_a_key_depends_on_every_room_that_a_rendering_imports() -> None:
    imported, left = set(), ["render"]
    while left:
        room = left.pop()
        imported.add(room)
        found = {name for file in (_PACKAGE / room).rglob("*.py") for name in _ROOM.findall(file.read_text())}
        left += [name for name in found - imported if (_PACKAGE / name).is_dir()]
    assert imported <= set(RENDERING_ROOMS)
