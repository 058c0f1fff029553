"""What commands use that only some images have, and what is no use of it."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.shell import commands
from osh_conformance.rules.shared.python_problems import in_python
from osh_conformance.rules.shared.script_utilities import used_in


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("apt-get -q -o A=b -y install curl", "apt-get"),
        ("apk --no-cache add curl", "apk"),
        ("dnf -y --setopt=a=b install curl", "dnf"),
        ("rpm -Uvh a.rpm", "rpm"),
        ("dpkg -i a.deb", "dpkg"),
        ("pip3.11 --quiet install a", "pip3.11"),
        ("python3 -m pip --quiet install a", "pip"),
        ("easy_install a", "easy_install"),
        ("sh -c 'yum -y install a'", "yum"),
        ("su nova -c 'kolla_start'", "kolla_start"),
        ("find / | xargs -0 -n1 kolla_copy", "kolla_copy"),
        ("x=$(kolla_extend_start)", "kolla_extend_start"),
        ("PATH=/var/lib/kolla/venv/bin:$PATH", "/var/lib/kolla"),
        ("export PYTHONPATH=/opt/stack/lib", "/opt/stack"),
        ("run --config=/var/lib/openstack/etc/a.conf", "/var/lib/openstack"),
        ("A=/var/lib/kolla/venv; B=1; $A/bin/run", "/var/lib/kolla"),
        ("if ! command -v curl; then apt-get install -y curl; fi", "apt-get"),
        ("kolla_start; command -v kolla_start", "kolla_start"),
    ],
)
def test_a_use_is_found(script: str, cause: str) -> None:
    assert [use.cause for use in used_in(commands(script))] == [cause]


@pytest.mark.parametrize(
    "script",
    [
        "pip list; pip show install; pip --version",
        "rpm -qi a; rpm -qa; rpm --query a; dpkg -l; dpkg -s a; apt list --installed; apt-cache policy a",
        "command -v kolla_start && kolla_start",
        "if which apt-get > /dev/null; then apt-get install a; fi",
        "command -v yum || exit 0; yum -y install a",
        "[ -x /var/lib/kolla/venv/bin/a ] && /var/lib/kolla/venv/bin/a",
        "if [[ -d /opt/stack ]]; then cd /opt/stack; fi",
        "A=/var/lib/kolla/venv; [ -d $A ] && $A/bin/run",
        "A=/var/lib/kolla/venv; A=/usr; $A/bin/run",
        "A=/var/lib/kolla/venv",
        "PATH=/var/lib/kolla/bin:/var/lib/openstack/bin:$PATH",
        "PATH=/var/lib/openstack/bin:/usr/bin",
        "echo apt-get install a; echo /var/lib/kolla/venv; printf 'kolla_start'",
        "chroot /host apt-get install a; kubectl exec a -- kolla_start",
        "nsenter -t 1 -m -- apt-get install a; kubectl exec a -- /var/lib/kolla/venv/bin/a",
        "cat << EOF\napt-get install a\nEOF",
        "# kolla_start",
        "mkdir /var/lib/kollaborate",
    ],
)
def test_what_is_no_use_is_not_reported(script: str) -> None:
    assert used_in(commands(script)) == ()


@pytest.mark.parametrize(
    ("script", "causes"),
    [
        ("import os\nos.system('apt-get -y install a')", ["apt-get"]),
        ("import subprocess\nsubprocess.run(['pip', 'install', 'a'])", ["pip"]),
        ("from subprocess import check_call\ncheck_call(('kolla_start', '-x'))", ["kolla_start"]),
        ("p = '--file=/var/lib/kolla/a'", ["/var/lib/kolla"]),
        ("import os\nif os.path.exists('/var/lib/kolla'):\n    a('/var/lib/kolla/b')", []),
        ("import subprocess\nsubprocess.run(['rpm', '-q', 'a'])", []),
        ("print('/var/lib/kolla')\n'/var/lib/kolla'", []),
        ("log.info('apt-get install a')", []),
    ],
)
def test_python_is_read_as_shell_scripts_are(script: str, causes: list[str]) -> None:
    assert [use.cause for use in in_python(script).uses] == causes
