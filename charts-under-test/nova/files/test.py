"""List Nova's servers in all cells, create a flavor and delete it; with a message queue, see Nova's workers run."""

import os
import uuid

import ks_api
import service_api


def workers_run(answer):
    up = {service["binary"] for service in answer["services"] if service["state"] == "up"}
    return up >= {"nova-conductor", "nova-scheduler"}


def main():
    nova = service_api.Service()
    servers = nova.call("GET", "/v2.1/servers/detail?all_tenants=1")["servers"]
    print("Nova lists %d servers of its cells" % len(servers))
    identity = str(uuid.uuid4())
    wanted = {"id": identity, "name": "test-%s" % identity, "ram": 64, "vcpus": 1, "disk": 0}
    nova.call("POST", "/v2.1/flavors", {"flavor": wanted})
    place = "/v2.1/flavors/%s" % identity
    found = nova.call("GET", place)["flavor"]
    if found["ram"] != wanted["ram"]:
        raise ks_api.Failed("flavor %s: Nova shows %s" % (identity, found))
    print("Nova keeps a flavor")
    nova.call("DELETE", place)
    if os.environ.get("MESSAGING_HOST"):
        nova.wait("/v2.1/os-services", workers_run)
        print("Nova's conductor and scheduler run")


if __name__ == "__main__":
    ks_api.run(main)
