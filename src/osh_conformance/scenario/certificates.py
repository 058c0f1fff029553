"""Certificates for the suite's own servers: one that clients trust, and two that they must not trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, install_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    import trustme

#: No server has this name.
_OTHER_HOST = "another-host.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A server's certificate, with the chain below its authority, and its key; both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Pairs for a server; clients trust `authority` (PEM).

    It signed `trusted` and `other_host`, which is for a host of another name. `untrusted` is of another authority.
    """

    authority: str
    trusted: KeyPair
    untrusted: KeyPair
    other_host: KeyPair


def create(hosts: Sequence[str]) -> Certificates:
    """Create certificates, valid for years, for host names, wildcards and IP addresses.

    Raises `SuiteError` without a host, and if trustme is not installed.
    """
    if not hosts:
        raise SuiteError("a certificate needs a host")
    try:
        import trustme  # noqa: PLC0415  (only live runs have it)
    except ImportError as error:
        raise SuiteError("trustme is not installed", fix=install_extra("live")) from error
    # Clients distinguish the two by key; people by name.
    trusted = trustme.CA(organization_name="osh-conformance, trusted")
    untrusted = trustme.CA(organization_name="osh-conformance, untrusted")
    return Certificates(
        authority=trusted.cert_pem.bytes().decode(),
        trusted=_pair(trusted, hosts),
        untrusted=_pair(untrusted, hosts),
        other_host=_pair(trusted, [_OTHER_HOST]),
    )


def _pair(authority: trustme.CA, hosts: Sequence[str]) -> KeyPair:
    leaf = authority.issue_cert(*hosts)
    chain = "".join(blob.bytes().decode() for blob in leaf.cert_chain_pems)
    return KeyPair(certificate=chain, key=leaf.private_key_pem.bytes().decode())
