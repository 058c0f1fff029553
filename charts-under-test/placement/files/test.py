"""Create a resource provider in Placement, find it by its name, and delete it."""

import uuid

import ks_api
import service_api


def main():
    placement = service_api.Service()
    identity = str(uuid.uuid4())
    name = "test-%s" % identity
    placement.call("POST", "/resource_providers", {"uuid": identity, "name": name})
    found = placement.call("GET", "/resource_providers?name=%s" % name)["resource_providers"]
    if [provider["uuid"] for provider in found] != [identity]:
        raise ks_api.Failed("resource provider %s: Placement lists %s" % (name, found))
    print("Placement keeps a resource provider")
    placement.call("DELETE", "/resource_providers/%s" % identity)


if __name__ == "__main__":
    ks_api.run(main)
