"""Create a network with a subnet in Neutron, read it back, and delete both."""

import ks_api
import service_api


def main():
    neutron = service_api.Service()
    network = neutron.call("POST", "/v2.0/networks", {"network": {"name": "test"}})["network"]
    place = "/v2.0/networks/%s" % network["id"]
    wanted = {"network_id": network["id"], "ip_version": 4, "cidr": "192.0.2.0/24"}
    subnet = neutron.call("POST", "/v2.0/subnets", {"subnet": wanted})["subnet"]
    found = neutron.call("GET", place)["network"]
    if found["subnets"] != [subnet["id"]]:
        raise ks_api.Failed("network %s: Neutron shows the subnets %s" % (network["id"], found["subnets"]))
    print("Neutron keeps a network and its subnet")
    # With its subnet.
    neutron.call("DELETE", place)


if __name__ == "__main__":
    ks_api.run(main)
