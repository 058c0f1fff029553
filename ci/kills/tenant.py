"""A kind cluster with another user's release and database."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from ci.kills.bystanders import Bystander
from ci.kills.dumps import Dump, canonical, container, network, object_name, stable
from ci.kills.processes import QUICK
from osh_conformance import process
from osh_conformance.folders import helm_homes
from osh_conformance.model.convention import DATABASE
from osh_conformance.plan.servers import SERVERS
from osh_conformance.provision.gc_nodes import ADMIN_KUBECTL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from osh_conformance.provision.docker import Docker

CREATE = 900.0
READY = 180
#: Kinds of objects that change by themselves, or follow from others.
_VOLATILE = {
    "componentstatuses",
    "certificatesigningrequests.certificates.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "leasecandidates.coordination.k8s.io",
    "leases.coordination.k8s.io",
}
_CLIENT = ("mariadb", "--defaults-file=/etc/administrator/my.cnf", "--batch", "--raw", "--skip-column-names")
#: Queries whose results are further queries, for everything in the server.
_QUESTIONS = """
SELECT CONCAT('SHOW CREATE DATABASE `', schema_name, '`') FROM information_schema.schemata;
SELECT CONCAT(question.begin, '`', table_schema, '`.`', table_name, '`', question.rest) FROM information_schema.tables,
  (SELECT 'SHOW CREATE TABLE ' AS begin, '' AS rest UNION SELECT 'CHECKSUM TABLE ', ' EXTENDED') AS question
  WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys');
SELECT CONCAT(question.begin, QUOTE(user), '@', QUOTE(host)) FROM mysql.global_priv,
  (SELECT 'SHOW CREATE USER ' AS begin UNION SELECT 'SHOW GRANTS FOR ') AS question;
"""
#: Data of another user, under the names that the chart under test would use.
_DATA = """
CREATE DATABASE keystone CHARACTER SET utf8mb4;
USE keystone;
CREATE TABLE project (id INT PRIMARY KEY, name VARCHAR(64) NOT NULL, secret BLOB NOT NULL);
INSERT INTO project SELECT seq, CONCAT('project ', seq), UNHEX(SHA2(seq, 512)) FROM seq_1_to_2000;
CREATE TABLE endpoint (id INT PRIMARY KEY, project INT NOT NULL REFERENCES project (id));
INSERT INTO endpoint SELECT seq, seq FROM seq_1_to_500;
CREATE DATABASE ledger;
USE ledger;
CREATE TABLE entry (id INT AUTO_INCREMENT PRIMARY KEY, amount DECIMAL(12, 2), at TIMESTAMP(6) DEFAULT NOW(6));
INSERT INTO entry (amount) SELECT seq / 7 FROM seq_1_to_1000;
CREATE USER keystone@'%' IDENTIFIED BY 'somebody''s';
GRANT ALL PRIVILEGES ON keystone.* TO keystone@'%';
CREATE USER clerk@'10.%' IDENTIFIED BY 'else';
GRANT SELECT, INSERT ON ledger.entry TO clerk@'10.%' WITH GRANT OPTION;
"""


@dataclass(slots=True, kw_only=True)
class Place:
    """A kind cluster, read through kubectl in its node, and not through the suite's own client."""

    docker: Docker
    name: str
    kubeconfig: Path
    kinds: str = ""

    @property
    def node(self) -> str:
        """The container of its node."""
        return f"{self.name}-control-plane"

    def kubectl(self, *words: str, deadline: float = QUICK) -> str:
        """Run kubectl and return its output; raises `SuiteError`."""
        return self.docker.run("exec", self.node, *ADMIN_KUBECTL, *words, deadline=deadline).stdout

    def objects(self) -> Dump:
        """Return every object of the API server, without kinds that change by themselves."""
        if not self.kinds:
            known = self.kubectl("api-resources", "--verbs=list", "--output=name").split()
            self.kinds = ",".join(sorted(set(known) - _VOLATILE))
        listed = json.loads(self.kubectl("get", self.kinds, "--all-namespaces", "--output=json"))
        return {object_name(item): canonical(stable(item)) for item in listed["items"]}

    def containers(self) -> Dump:
        """Return its containers with their start times, which show a restart."""
        names = self.docker.lines("ps", "--all", "--filter", f"name={self.name}", "--format", "{{.Names}}")
        containers = (part for name in names for part in container(self.docker, name).items())
        return dict([*containers, *network(self.docker, self.name).items()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Another user's Helm release with a database, on a cluster."""

    place: Place
    namespace: str
    release: str
    helm: Path
    home: Path

    def install(self, image: str) -> None:
        """Install it and add its data; raises `SuiteError`."""
        self.place.kubectl("create", "namespace", self.namespace)
        values = self.home / f"{self.place.name}.yaml"
        content = {"images": {"mariadb": image, "pull_policy": "Never"}, "root": {"password": secrets.token_hex(8)}}
        values.write_text(yaml.safe_dump(content))
        self._helm("install", self.release, SERVERS[DATABASE].folder, "--values", values)
        self.place.kubectl(
            *("rollout", "status", "statefulset/mariadb", "--namespace", self.namespace, f"--timeout={READY}s"),
            deadline=READY + QUICK,
        )
        self._sql(_DATA)

    def bystanders(self) -> Iterable[Bystander]:
        """Yield the release and the database."""
        where = f"on cluster {self.place.name}"
        yield Bystander(name=f"release {self.namespace}/{self.release} {where}", dump=self._release)
        yield Bystander(name=f"database of {self.namespace} {where}", dump=self._database)

    def _release(self) -> Dump:
        """Return Helm's record of the release, and its containers, which must not restart."""
        listed = json.loads(self.place.kubectl("get", "pods", "--namespace", self.namespace, "--output=json"))
        pods = {
            f"pod {pod['metadata']['name']}": canonical(
                [
                    (each["name"], each.get("containerID"), each["restartCount"], each["state"].get("running"))
                    for each in pod["status"].get("containerStatuses", ())
                ]
            )
            for pod in listed["items"]
        }
        asked = (("get", "all", self.release), ("history", self.release))
        helm = {f"helm {words[0]}": self._helm(*words) for words in asked}
        return pods | helm

    def _database(self) -> Dump:
        """Return the definition and checksum of every table, and every account with its grants."""
        asked = self._sql(_QUESTIONS).splitlines()
        # Each result follows its query.
        printed = self._sql(";\n".join(f"SELECT {_quoted(f'-- {each}')};\n{each}" for each in asked))
        found: dict[str, str] = {}
        question = ""
        for line in printed.splitlines():
            if line.startswith("-- "):
                question = line.removeprefix("-- ")
            found[question] = found.get(question, "") + f"{line}\n"
        return found

    def _sql(self, statements: str) -> str:
        pod = ("exec", "mariadb-0", "--namespace", self.namespace, "--container", "mariadb", "--")
        return self.place.kubectl(*pod, *_CLIENT, "--execute", statements)

    def _helm(self, *words: str | Path) -> str:
        kubeconfig = ("--kubeconfig", self.place.kubeconfig, "--namespace", self.namespace)
        env = {**helm_homes(self.home), "KUBECACHEDIR": str(self.home / "kube")}
        return process.run(process.Command(argv=[self.helm, *words, *kubeconfig], env=env), deadline=QUICK).stdout


def _quoted(content: str) -> str:
    return "'" + content.replace("\\", "\\\\").replace("'", "''") + "'"
