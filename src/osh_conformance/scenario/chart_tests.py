"""A chart author's own tests, run unchanged in the cell while the release is up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.model.observation import ChartTests

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.context import CellContext

_DEADLINE = 600.0
_LINES = 200


def run(tests: Path, chart: Path, declared: DeclaredChart, release: str, site: CellContext) -> ChartTests:
    """Run pytest on `tests`, in a process of its own, as its author would.

    `pytest-helm-charts` is told of the cluster, the chart and, as `test_extra_info`, `namespace` and `release`, by its
    own environment variables.
    """
    command = process.Command(
        argv=(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-q", tests),
        cwd=tests.parent,
        env={
            # The suite's own run has no plugins but its own; its authors' has those that are installed.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
            "KUBECONFIG": str(site.helm.kubeconfig),
            "ATS_CLUSTER_TYPE": "existing",
            "ATS_CLUSTER_VERSION": site.kube.version(),
            "ATS_CHART_PATH": str(chart.resolve()),
            "ATS_CHART_VERSION": declared.version,
            "ATS_APP_CONFIG_FILE_PATH": str(site.folder / "values.yaml"),
            "ATS_EXTRA_NAMESPACE": site.namespace,
            "ATS_EXTRA_RELEASE": release,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        secrets=site.helm.secrets,
    )
    outcome = process.run(command, deadline=_DEADLINE, cancel=site.cancel, check=False)
    lines = site.secrets.redact(outcome.stdout + outcome.stderr).splitlines()
    return ChartTests(
        code=outcome.code,
        failed=tuple(line for line in lines if line.startswith(("FAILED ", "ERROR "))),
        output="\n".join(lines[-_LINES:]),
    )
