"""Create a TSIG key in Designate, show it, and delete it. The API asks central for all of that."""

import base64
import os
import uuid

import ks_api
import service_api

# The pool that Designate's own migrations create.
POOL = "794ccc2c-d751-44fe-b57f-8894c9f5c842"


def store_a_key(designate):
    # A request before central listens is lost, and fails after a minute.
    ks_api.patiently(lambda: designate.call("GET", "/v2/zones"), seconds=180)
    secret = base64.b64encode(os.urandom(32)).decode("ascii")
    key = {"name": "test-%s" % uuid.uuid4().hex, "algorithm": "hmac-sha256", "secret": secret}
    created = designate.call("POST", "/v2/tsigkeys", {**key, "scope": "POOL", "resource_id": POOL})
    place = "/v2/tsigkeys/%s" % created["id"]
    found = designate.call("GET", place)
    if any(found[field] != key[field] for field in key):
        raise ks_api.Failed("%s: Designate answers with another key" % place)
    print("Designate stores a TSIG key, and shows it")
    designate.call("DELETE", place)
    designate.wait_until_gone(place)
    print("Designate deleted the key")


def main():
    designate = service_api.Service()
    versions = [each["id"] for each in designate.call("GET", "/")["versions"]]
    if "v2" not in versions:
        raise ks_api.Failed("Designate has the versions %s, and not v2" % ", ".join(versions))
    print("the API answers")
    if os.environ.get("MESSAGING_HOST"):
        store_a_key(designate)


if __name__ == "__main__":
    ks_api.run(main)
