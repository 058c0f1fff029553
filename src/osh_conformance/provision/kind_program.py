"""What a kind program knows without being run."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NODE_IMAGE = re.compile(rb"kindest/node:v\d+\.\d+\.\d+(?:-[a-z0-9.]+)?@sha256:[0-9a-f]{64}")


def default_node_image(kind: Path) -> str | None:
    """Return the node image that a kind program uses by default, in full.

    None if the file names none, such as a script that starts kind. kind has no command that prints it.
    """
    try:
        with kind.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = _NODE_IMAGE.search(content)
            return f"docker.io/{found[0].decode()}" if found else None
    except (OSError, ValueError):  # an empty file cannot be mapped
        return None
