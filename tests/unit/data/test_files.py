"""The data files that come with the suite: each can be read, and says what its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance import reference as grammar
from osh_conformance.errors import UsageError
from osh_conformance.live import cell_images, contract, image_store
from osh_conformance.loading import definitions
from osh_conformance.loading.search import data_folder
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.matrix import Flavor, Tier
from osh_conformance.plan import needs, scenarios
from osh_conformance.plan.cells import DEFAULT_FORMAT
from osh_conformance.plan.servers import SERVERS
from osh_conformance.provision import recipes
from osh_conformance.registry import images
from osh_conformance.rules import registry
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Mapping[str, Mapping[str, object]] = {
    "flavors": definitions.flavors(),
    "formats": definitions.formats(),
    "runtimes": definitions.runtimes(),
    "scenarios": scenarios.known(),
}
FLAVORS = definitions.flavors()
OWN = [name for name, flavor in FLAVORS.items() if not flavor.shipped]
BOOK = recipes.load(ROOT / "ci")
#: Tags of others that move: each run finds out what they are, and pins that.
FLOATING = {
    *(f"quay.io/openstack.kolla/{image}:2026.2-debian-trixie" for image in ("heat-engine", "keystone")),
    *(
        f"quay.io/airshipit/{name}:2025.2-ubuntu_noble_loci"
        for name in ("barbican", "glance", "heat", "keystone", "nova")
    ),
}


QUEUE = "docker.io/library/rabbitmq:3.10.8-management"


def references(flavor: Flavor) -> set[str]:
    return {*flavor.images.values(), *flavor.services.values(), *filter(None, (flavor.rest,))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_has_the_name_of_its_record(kind: str) -> None:
    assert sorted(KINDS[kind]) == sorted(file.stem for file in data_folder(kind).iterdir())


@pytest.mark.parametrize("name", OWN)
def test_the_references_of_a_flavor_are_spelled_out(name: str) -> None:
    for text in references(FLAVORS[name]):
        parsed = grammar.parse(text)
        assert text.startswith(f"{parsed.domain}/"), text
        assert parsed.tag or parsed.digest, text


@pytest.mark.parametrize("name", OWN)
def test_a_flavor_is_pinned_or_known_to_float(name: str) -> None:
    assert {text for text in references(FLAVORS[name]) if image_store.floats(text)} <= FLOATING


@pytest.mark.parametrize("name", OWN)
def test_every_image_of_a_flavor_can_be_built(name: str) -> None:
    for text in references(FLAVORS[name]):
        recipe = BOOK.providing(text)
        assert recipe is not None, text
        assert images.recipe_of(text, BOOK) is recipe


@pytest.mark.parametrize("name", OWN)
def test_a_stand_in_image_is_labelled_as_one(name: str) -> None:
    for text in references(FLAVORS[name]):
        recipe = BOOK.providing(text)
        assert recipe is not None
        assert recipe.image is not None
        if recipe.image.origin == "stand-in" and text.startswith("osh-conformance.invalid/"):
            assert "stand-in" in text


@pytest.mark.parametrize("name", OWN)
def test_a_flavor_has_an_image_for_every_standard_key_of_keystone(name: str) -> None:
    keys = dict.fromkeys((*STANDARD_KEYS, "bootstrap", "keystone_api"), "") | {key: key for key in STANDARD_KEYS}
    assert set(FLAVORS[name].references("keystone", keys)) == set(keys)


@pytest.mark.parametrize("name", OWN)
def test_a_flavor_names_the_release_of_its_services(name: str) -> None:
    assert bool(FLAVORS[name].release) == bool(FLAVORS[name].services)


def test_the_mixed_flavor_runs_one_release_on_a_database() -> None:
    mixed = FLAVORS["mixed"]
    owners = {text: flavor.release for flavor in FLAVORS.values() for text in flavor.services.values()}
    used = (mixed.images["db_sync"], mixed.images["bootstrap"], mixed.services["keystone"])
    assert {owners[text] for text in used} == {mixed.release}


def test_the_mixed_flavor_has_images_of_at_least_four_others() -> None:
    assert len(references(FLAVORS["mixed"])) >= 4 + 1


def test_only_the_job_images_of_the_minimal_flavor_are_minimal() -> None:
    minimal = FLAVORS["minimal"]
    assert {name for name, flavor in FLAVORS.items() if flavor.tier is Tier.MINIMAL} == {"minimal"}
    assert {minimal.images[key] for key in cell_images.JOB_KEYS} == {minimal.images["db_init"]}
    assert minimal.services["keystone"] == FLAVORS["distribution"].services["keystone"]


def test_only_the_default_format_has_no_tag_of_its_own() -> None:
    suffixes = {name: form.suffix for name, form in definitions.formats().items()}
    assert [name for name, suffix in suffixes.items() if not suffix] == [DEFAULT_FORMAT]
    assert len(set(suffixes.values())) == len(suffixes)


def test_a_runtime_can_be_shown_or_says_what_it_needs() -> None:
    for runtime in definitions.runtimes().values():
        assert runtime.needs or (runtime.handler and runtime.state), runtime.name


def test_no_two_runtimes_keep_the_same_files() -> None:
    kept = [frozenset(runtime.state) for runtime in definitions.runtimes().values() if runtime.state]
    assert len(set(kept)) == len(kept)


def test_a_runtime_that_has_to_be_built_has_a_recipe() -> None:
    assert {"youki", "gvisor"} <= needs.recipes(["all"]) <= set(BOOK.by_name)


def test_setting_up_all_flavors_needs_their_images_and_those_of_the_infrastructure() -> None:
    wanted = {text for flavor in FLAVORS.values() for text in references(flavor)} | {
        server.image for server in SERVERS.values()
    }
    assert needs.images(["all"], ["all"]) == wanted
    assert all(BOOK.providing(text) for text in wanted)


def test_setting_up_one_service_takes_no_image_of_another() -> None:
    shared = {*FLAVORS["distribution"].images.values(), SERVERS["mariadb"].image}
    services = FLAVORS["distribution"].services
    assert needs.images(["distribution"], ["keystone"]) == {*shared, services["keystone"]}
    assert needs.images(["distribution"], ["glance"]) == {*shared, services["glance"]}
    assert needs.images(["distribution"], ["heat", "rabbitmq"]) == {*shared, services["heat"], QUEUE}
    two = {*shared, services["glance"], services["heat"]}
    assert needs.images(["distribution"], ["glance", "heat"]) == two


def test_a_flavor_without_the_service_brings_its_shared_images_only() -> None:
    assert needs.images(["stackanetes"], ["nova"]) == {
        *FLAVORS["stackanetes"].images.values(),
        SERVERS["mariadb"].image,
    }


def test_a_service_that_no_flavor_has_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no flavor has an image of a service `glanse`: did you mean `glance`"):
        needs.images(["distribution"], ["keystone", "glanse"])


def test_the_jobs_of_the_minimal_flavor_run_beside_the_services_of_the_distribution() -> None:
    assert FLAVORS["minimal"].services == FLAVORS["distribution"].services


@pytest.mark.parametrize("name", scenarios.known())
def test_a_scenario_is_judged_by_rules_that_there_are(name: str) -> None:
    known = {*registry.live_rules(), *registry.matrix_rules()}
    assert set(scenarios.known()[name].rules) <= known


def test_every_live_rule_is_named_by_a_scenario() -> None:
    # LIFE-2 judges whichever is gone through again and again.
    judged = {rule for scenario in scenarios.known().values() for rule in scenario.times(2).rules}
    assert judged == {*registry.live_rules(), *registry.matrix_rules()}


def test_each_pull_policy_is_probed_with_and_without_the_image() -> None:
    (probes,) = (scenario.probes for scenario in scenarios.known().values() if scenario.probes)
    assert {(probe.policy, probe.present) for probe in probes} == {
        (policy, present) for policy in ("Always", "IfNotPresent", "Never") for present in (True, False)
    }


def test_the_contract_has_every_tier_and_core_holds_all_of_minimal() -> None:
    tiers = contract.tiers()
    assert set(tiers) == set(Tier)
    for what in ("programs", "modules"):
        assert set(tiers[Tier.MINIMAL][what]) <= set(tiers[Tier.CORE][what])


@pytest.mark.parametrize(
    ("text", "floats"),
    [
        ("docker.io/x/y:1.0.0", False),
        ("docker.io/x/y:latest", True),
        ("docker.io/x/y", True),
        ("docker.io/x/y:2026.2-debian-trixie", True),
        ("docker.io/x/y:latest@sha256:" + "a" * 64, False),
        ("docker.io/x/y@sha256:" + "a" * 64, False),
    ],
)
def test_a_reference_floats_if_neither_digest_nor_tag_holds_it(text: str, *, floats: bool) -> None:
    assert image_store.floats(text) is floats
