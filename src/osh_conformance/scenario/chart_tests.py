"""The chart's own tests, which run unchanged in the cell while the release is installed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.cluster import proxies
from osh_conformance.model.observation import ChartTests

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.context import CellContext

_DEADLINE = 600.0
_LINES = 200


def run(tests: Path, chart: Path, declared: DeclaredChart, release: str, context: CellContext) -> ChartTests:
    """Run pytest on `tests` in a separate process, as their author would.

    Environment variables of `pytest-helm-charts` name the cluster, the chart and, as `test_extra_info`, `namespace` and
    `release`.
    """
    command = process.Command(
        argv=(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-q", tests),
        cwd=tests.parent,
        env={
            # Their client for Kubernetes would ask a proxy for the API server on this machine.
            **proxies.local_exceptions(os.environ),
            # The suite's own pytest loads no installed plugins; these tests may need them.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
            "KUBECONFIG": str(context.helm.kubeconfig),
            "ATS_CLUSTER_TYPE": "existing",
            "ATS_CLUSTER_VERSION": context.kube.version(),
            "ATS_CHART_PATH": str(chart.resolve()),
            "ATS_CHART_VERSION": declared.version,
            "ATS_APP_CONFIG_FILE_PATH": str(context.folder / "values.yaml"),
            "ATS_EXTRA_NAMESPACE": context.namespace,
            "ATS_EXTRA_RELEASE": release,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        secrets=context.helm.secrets,
    )
    outcome = process.run(command, deadline=_DEADLINE, cancel=context.cancel, check=False)
    lines = context.secrets.redact(outcome.stdout + outcome.stderr).splitlines()
    return ChartTests(
        code=outcome.code,
        failed=tuple(line for line in lines if line.startswith(("FAILED ", "ERROR "))),
        output="\n".join(lines[-_LINES:]),
    )
