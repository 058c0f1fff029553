"""Nova's db_sync, with a nova-manage that notes how it was called."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.paths import CHARTS

if TYPE_CHECKING:
    from pathlib import Path

_CELLS = "| cell0 | 0000 | none:/// |\n| cell1 | 4711 | rabbit:// |\n"
_MAP_CELL0 = "cell_v2 map_cell0 --database_connection cell0's"


def _sync(folder: Path, answers: str = "") -> tuple[int, list[str]]:
    """Run the script; return its exit code and the calls of nova-manage."""
    program = folder / "nova-manage"
    program.write_text(f'#!/bin/sh\necho "$*" >>{folder}/calls\ncase $* in\n{answers}\nesac\n')
    program.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "CELL0_CONNECTION": "cell0's"}
    script = CHARTS / "nova" / "files" / "db_sync.sh"
    done = subprocess.run(["/bin/sh", str(script)], env=environment, check=False, capture_output=True, timeout=30)
    return done.returncode, (folder / "calls").read_text().splitlines()


def test_the_first_migration_makes_both_cells(tmp_path: Path) -> None:
    assert _sync(tmp_path) == (0, ["api_db sync", _MAP_CELL0, "cell_v2 create_cell --name cell1", "db sync"])


def test_the_next_migration_keeps_the_cells(tmp_path: Path) -> None:
    code, calls = _sync(tmp_path, f"*map_cell0*) echo there;;\n*list_cells*) printf '{_CELLS}';;")
    assert (code, calls[2:]) == (0, ["cell_v2 list_cells", "cell_v2 update_cell --cell_uuid 4711", "db sync"])


@pytest.mark.parametrize("step", ["api_db", "map_cell0", "create_cell", "db sync"])
def test_a_migration_ends_with_the_step_that_fails(step: str, tmp_path: Path) -> None:
    # `api_db sync` contains `db sync`.
    code, calls = _sync(tmp_path, f"*'api_{step}'*) ;;\n*'{step}'*) exit 3;;")
    assert code == 3
    assert step in calls[-1]
