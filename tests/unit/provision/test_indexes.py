"""What a build in Docker is given to reach package indexes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from osh_conformance.provision import indexes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return an environment with a home of its own, on a machine without certificates and without settings of pip."""
    monkeypatch.setattr(indexes, "_BUNDLES", ())
    monkeypatch.setattr(indexes, "_SYSTEM_BUNDLE", "")
    monkeypatch.setattr(indexes, "_SYSTEM_FILES", ())
    return {"HOME": str(tmp_path)}


def configured(home: dict[str, str], text: str) -> None:
    file = Path(home["HOME"], ".config", "pip", "pip.conf")
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_without_settings_only_the_certificates_are_named(home: dict[str, str]) -> None:
    assert indexes.build_environment(home) == {"CERTIFICATES": os.devnull}


def test_settings_of_pip_come_from_its_files_and_a_variable_wins(home: dict[str, str]) -> None:
    configured(
        home,
        "[global]\nindex-url = https://a.test/simple\nextra-index-url =\n  https://b.test\n  https://c.test\n"
        "timeout = 90\nfind-links = /here\n[download]\ntrusted_host = a.test\n",
    )
    expected = {
        "PIP_INDEX_URL": "https://a.test/simple",
        "PIP_EXTRA_INDEX_URL": "https://b.test https://c.test",
        "PIP_TRUSTED_HOST": "a.test",
        "PIP_DEFAULT_TIMEOUT": "90",
        "CERTIFICATES": os.devnull,
    }
    assert indexes.build_environment(home) == expected
    home["PIP_INDEX_URL"] = "https://z.test"
    assert indexes.build_environment(home) == expected | {"PIP_INDEX_URL": "https://z.test"}
    assert indexes.build_environment(home | {"PIP_CONFIG_FILE": os.devnull})["PIP_INDEX_URL"] == "https://z.test"


def test_a_proxy_of_pip_serves_where_the_environment_has_none(home: dict[str, str]) -> None:
    configured(home, "[global]\nproxy = http://proxy.test:8080\n")
    home["https_proxy"] = "http://other.test"
    found = indexes.build_environment(home)
    assert found["http_proxy"] == "http://proxy.test:8080"
    assert "https_proxy" not in found
    assert "PIP_PROXY" not in found


def test_certificates_that_pip_names_come_before_those_of_the_system(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, named = Path(home["HOME"], "system.crt"), Path(home["HOME"], "named.crt")
    for file in (system, named):
        file.touch()
    monkeypatch.setattr(indexes, "_BUNDLES", (str(system),))
    assert indexes.build_environment(home)["CERTIFICATES"] == str(system)
    configured(home, f"[global]\ncert = {named}\n")
    assert indexes.build_environment(home)["CERTIFICATES"] == str(named)


def test_a_mirror_of_debian_is_passed_on(home: dict[str, str]) -> None:
    home[indexes.MIRROR] = "http://mirror.test"
    assert indexes.build_environment(home)["DEBIAN_MIRROR"] == "http://mirror.test"


def test_a_file_that_does_not_parse_is_left_to_pip(home: dict[str, str]) -> None:
    configured(home, "index-url = nowhere\n")
    assert indexes.build_environment(home) == {"CERTIFICATES": os.devnull}
