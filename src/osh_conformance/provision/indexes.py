"""How this machine reaches package indexes: what a build in Docker needs of it."""

from __future__ import annotations

import configparser
import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: pip's settings that hold in a container too. Others name files of this machine.
_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "default-timeout", "proxy")
#: Where Linux distributions and macOS keep the certificate authorities that a machine trusts.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_SYSTEM_BUNDLE = ssl.get_default_verify_paths().openssl_cafile
#: pip's files of the system. That of a virtual environment is not among them: it is for what is installed there.
_SYSTEM_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
_BUNDLE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
#: The variable with the mirror of Debian that recipes use instead of the one in the base image.
MIRROR = "OSH_CONFORMANCE_DEBIAN_MIRROR"


def build_environment(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return the environment variables by which recipes reach Debian's packages and Python's.

    pip itself is not asked: it may be missing here. Its configuration files are read in its own order.
    """
    environment = os.environ if environment is None else environment
    settings = _pip_settings(environment)
    found = {f"PIP_{name.upper().replace('-', '_')}": settings[name] for name in _SETTINGS if name in settings}
    proxy = found.pop("PIP_PROXY", None)
    if proxy:
        found |= {name: proxy for name in ("http_proxy", "https_proxy") if not environment.get(name)}
    if environment.get(MIRROR):
        found["DEBIAN_MIRROR"] = environment[MIRROR]
    return {**found, "CERTIFICATES": str(_bundle(environment, settings.get("cert")))}


def _pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    named = environment.get("PIP_CONFIG_FILE")
    if named != os.devnull:
        for path in (*_pip_files(environment), *((Path(named),) if named else ())):
            settings |= _read(path)
    for name in (*_SETTINGS, "cert"):
        value = environment.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            settings[name] = value
    return settings


def _pip_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files, the weakest first."""
    home = Path(environment.get("HOME") or Path.home())
    yield from map(Path, _SYSTEM_FILES)
    yield home / ".pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")


def _read(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        # pip reports its own files better than this program could.
        return {}
    settings: dict[str, str] = {}
    for section in ("global", "download"):
        if parser.has_section(section):
            # Several values stand on a line each; in a variable, spaces separate them.
            settings |= {name.replace("_", "-"): " ".join(value.split()) for name, value in parser.items(section)}
    if "timeout" in settings:
        settings.setdefault("default-timeout", settings["timeout"])
    return settings


def _bundle(environment: Mapping[str, str], configured: str | None) -> Path:
    """Return the file of the certificate authorities that this machine trusts; an empty one if there is none."""
    named = (configured, *(environment.get(name) for name in _BUNDLE_VARIABLES))
    system = (_SYSTEM_BUNDLE, *_BUNDLES)
    for place in (*named, *system):
        if place and Path(place).is_file():
            return Path(place)
    return Path(os.devnull)
