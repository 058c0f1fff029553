"""The databases that SQL in scripts names."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.variables import Variable
from osh_conformance.rules.shared.sql import in_sql

_KNOWN = {"DB": Variable(value="nova"), "SECRET": Variable(value=None)}


@pytest.mark.parametrize(
    ("script", "found", "complete"),
    [
        ("mysql -e 'CREATE DATABASE IF NOT EXISTS `nova`;'", {"nova"}, True),
        ('mysql -e "create database ${DB}" -h there', {"nova"}, True),
        ("CREATE DATABASE nova CHARACTER SET utf8", {"nova"}, True),
        ('for DB in $ALL; do mysql -e "CREATE DATABASE $DB"; done', set(), False),
        ('mysql -e "CREATE DATABASE $SECRET; CREATE DATABASE cell0;"', {"cell0"}, False),
        ("# CREATE DATABASE remark\nDROP DATABASE test;", set(), True),
        ('log("Create database failed"); log("CREATE DATABASE failed")', set(), True),
        ('cursor.execute("CREATE DATABASE `%s`" % name)', set(), False),
        ('cursor.execute("CREATE DATABASE " + name)', set(), False),
    ],
)
def test_the_statements_of_a_script_name_databases(script: str, found: set[str], complete: bool) -> None:  # noqa: FBT001
    assert in_sql([script], _KNOWN, "CREATE") == (frozenset(found), complete)
