"""What `check` imports: a run whose charts are all in the cache must not wait for what it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import sys
from osh_conformance.cli import main
code = main(["check", sys.argv[1]])
needless = ("pytest", "filelock", "osh_conformance.check.worker", "osh_conformance.rules.ref_1", "helm_python")
needless += ("osh_conformance.fix", "osh_conformance.repairs")
print([name for name in needless if name in sys.modules], code)
"""


def test_a_cached_run_imports_neither_pytest_nor_rules_nor_renderer(tmp_path: Path) -> None:
    environment = {**os.environ, "OSH_CONFORMANCE_CACHE": str(tmp_path)}
    argv = [sys.executable, "-c", _PROGRAM, str(case("clean-flat"))]
    for _ in range(2):
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"
