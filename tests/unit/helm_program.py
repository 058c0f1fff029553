"""The helm program that tests compare with: the user's, or the one that `osh-conformance setup` provided."""

from __future__ import annotations

import os
import shutil

import pytest

from osh_conformance.folders import default_folders


def _found() -> str | None:
    built = sorted(default_folders().builds.glob("helm4-*/helm"), key=lambda path: path.stat().st_mtime)
    return os.environ.get("OSH_CONFORMANCE_HELM") or shutil.which("helm") or (str(built[-1]) if built else None)


HELM = _found()
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm program: `osh-conformance setup` provides one")
