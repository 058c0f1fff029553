"""List what Magnum has, and wait for its conductor. A cluster itself would need heat, and a template an image."""

import os

import ks_api
import service_api


def main():
    magnum = service_api.Service()
    for kind in ("clustertemplates", "clusters"):
        print("%s: %d" % (kind, len(magnum.call("GET", "/v1/%s" % kind)[kind])))
    quota = magnum.call("GET", "/v1/quotas/%s/Cluster" % magnum.project)
    print("clusters allowed: %d" % quota["hard_limit"])
    if os.environ.get("MESSAGING_HOST"):
        magnum.wait("/v1/mservices", lambda found: any(each["state"] == "up" for each in found["mservices"]))
        print("Magnum's conductor is up")


if __name__ == "__main__":
    ks_api.run(main)
