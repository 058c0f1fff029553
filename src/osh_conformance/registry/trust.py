"""Sessions of HTTP that trust and reach what Docker does.

They trust the certificate authorities of the system, and those that Docker has for a registry. They use the proxies of
the environment, never for this machine itself. They send no cookies, and no passwords of `.netrc`.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import urllib.parse
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
import truststore
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

from osh_conformance.errors import SuiteError
from osh_conformance.registry.loopback import is_loopback

#: Variables that name certificate authorities; the first two add to those of the system, as with pip.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
#: Docker's folder of certificate authorities, one folder a registry.
_DOCKER_CERTS = Path("/etc/docker/certs.d")


def new_session(host: str, *, public: bool) -> requests.Session:
    """Return a session for the registry at `host`; raises `SuiteError` if a file of authorities cannot be read."""
    session = requests.Session()
    # Otherwise requests adds the passwords of .netrc, for hosts that asked for none.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if public:
        session.mount("https://", _Adapter(_context_for(host)))
    return session


def proxies_for(url: str) -> dict[str, str]:
    """Return the proxies of the environment for a URL; none for this machine, and none for what NO_PROXY names."""
    exceptions = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    # As for Docker, a star may stand beside other exceptions.
    if is_loopback(urllib.parse.urlsplit(url).netloc) or "*" in re.split(r"[\s,]+", exceptions):
        return {}
    return dict(get_environ_proxies(url, no_proxy=None))


def proxy_url(url: str) -> str:
    """Return the URL of the proxy for a URL, which may have a password; empty if there is none."""
    proxy = select_proxy(url, proxies_for(url)) or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def proxy_for(url: str) -> str:
    """Return host and port of the proxy for a URL; empty if there is none."""
    return urllib.parse.urlsplit(proxy_url(url)).netloc.rpartition("@")[2]


class _Adapter(HTTPAdapter):
    """Verifies certificates with a context, directly and behind a proxy."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, "ssl_context": self._context})

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **{**kwargs, "ssl_context": self._context})

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # The context has all authorities; requests would load its own ones again for each connection.
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"


def _context_for(host: str) -> ssl.SSLContext:
    variables = tuple((name, os.environ.get(name, "")) for name in (*_OPENSSL, *_BUNDLES))
    return _context(variables, tuple(sorted((_DOCKER_CERTS / host).glob("*.crt"))))


@lru_cache(maxsize=64)
def _context(variables: tuple[tuple[str, str], ...], docker: tuple[Path, ...]) -> ssl.SSLContext:
    """Return a context. Loading the system's authorities takes 60 ms, so that a process does it once."""
    files = dict(variables)
    context = _system_context()
    # Go, so Docker, accepts any certificate of the store as the end of a chain.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for name in ("SSL_CERT_FILE", *_BUNDLES):
        if files[name]:
            _load(context, Path(files[name]), f"the variable {name}")
    for file in docker:
        _load(context, file, "Docker's configuration")
    return context


def _system_context() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if sys.platform == "linux" and (paths.cafile or paths.capath):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        return context
    # It knows the stores of other systems, but reads them again for each connection.
    system = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    system.load_verify_locations(certifi.where())
    return system


def _load(context: ssl.SSLContext, path: Path, source: str) -> None:
    folder = path.is_dir()
    try:
        context.load_verify_locations(cafile=None if folder else path, capath=path if folder else None)
    except (OSError, ssl.SSLError) as error:
        raise SuiteError(
            f"{path}, a file of certificate authorities named by {source}, cannot be read: {error}",
            expected="a file of certificates in PEM format",
            fix="correct the path or the file, or unset the variable",
        ) from error
