"""Which hosts are this machine itself, and which URLs nobody else can read."""

from __future__ import annotations

import re
import urllib.parse

_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine by its name or address."""
    return bool(_LOOPBACK.fullmatch(host))


def is_confidential(url: str) -> bool:
    """Whether only the host of a URL can read what is sent there: by TLS, or because it is this machine."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc))
