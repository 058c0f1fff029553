"""The certificates of the suite's servers, as a client verifies them."""

from __future__ import annotations

import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.scenario.certificates import Certificates, KeyPair, create

if TYPE_CHECKING:
    from pathlib import Path

HOST = "mariadb.cell.svc.cluster.local"


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return create(["mariadb", HOST, "127.0.0.1"])


def served(pair: KeyPair, folder: Path) -> ssl.SSLContext:
    path = folder / "server.pem"
    path.write_text(pair.key + pair.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def meet(server: ssl.SSLContext, authority: str, host: str) -> None:
    """Shake hands in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=authority)
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize("host", ["mariadb", HOST, "127.0.0.1"])
def test_a_client_with_the_authority_trusts_the_trusted_certificate(
    certificates: Certificates, tmp_path: Path, host: str
) -> None:
    meet(served(certificates.trusted, tmp_path), certificates.authority, host)


def test_a_client_with_the_authority_rejects_the_untrusted_certificate(
    certificates: Certificates, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        meet(served(certificates.untrusted, tmp_path), certificates.authority, HOST)


def test_a_client_with_the_authority_rejects_the_certificate_of_another_host(
    certificates: Certificates, tmp_path: Path
) -> None:
    served_to = served(certificates.other_host, tmp_path)
    meet(served_to, certificates.authority, "another-host.invalid")
    with pytest.raises(ssl.SSLCertVerificationError, match=f"not valid for '{HOST}'"):
        meet(served_to, certificates.authority, HOST)


def test_a_client_rejects_both_certificates_for_another_host(certificates: Certificates, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'elsewhere'"):
        meet(served(certificates.trusted, tmp_path), certificates.authority, "elsewhere")


def test_no_host_is_an_error() -> None:
    with pytest.raises(SuiteError, match="needs a host"):
        create([])


def test_trustme_is_imported_only_for_certificates() -> None:
    code = "import sys, osh_conformance.scenario.certificates; sys.exit('trustme' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
