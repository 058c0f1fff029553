"""Lists of databases, in the ways that charts write them."""

from __future__ import annotations

import pytest

from osh_conformance.rules.shared.database_lists import entries


@pytest.mark.parametrize(
    "text",
    [
        "nova,nova_api",
        "nova; nova_api",
        "nova\nnova_api\n",
        "- nova\n- 'nova_api'\n",
        '["nova","nova_api"]',
        "['nova', 'nova_api']",
        "[nova, nova_api]",
        "[nova nova_api]",
        '[{"name": "nova"}, {"db_name": "nova_api"}]',
        '{"nova": {"charset": "utf8"}, "nova_api": {}}',
    ],
)
def test_a_list_is_read_in_each_notation(text: str) -> None:
    found = entries(text)
    assert found is not None
    assert [entry["name"] for entry in found] == ["nova", "nova_api"]


@pytest.mark.parametrize(
    "text", ["nova|nova_api", "map[a:b] c", '[{"charset": "utf8"}]', "[1, 2]", '["a"', "{'a': 'b'}"]
)
def test_what_is_no_list_of_databases_gives_none(text: str) -> None:
    assert entries(text) is None


def test_an_entry_may_be_a_place_in_an_ini_file() -> None:
    found = entries('[{"configFile": "/etc/x.conf", "configDbSection": "api", "configDbKey": "connection"}]')
    assert found == ({"file": "/etc/x.conf", "section": "api", "key": "connection"},)
