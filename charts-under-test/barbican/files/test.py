"""Store a secret in Barbican, read it back, and delete it."""

import os

import ks_api
import service_api


def main():
    barbican = service_api.Service()
    content = os.urandom(32).hex()
    secret = {"name": "test", "payload": content, "payload_content_type": "text/plain"}
    place = "/v1/secrets/" + barbican.call("POST", "/v1/secrets", secret)["secret_ref"].rpartition("/")[2]
    if barbican.send("GET", place + "/payload").decode("ascii") != content:
        raise ks_api.Failed("%s: Barbican gives another secret than it was given" % place)
    print("Barbican stores a secret, and gives it back unchanged")
    barbican.call("DELETE", place)
    barbican.wait_until_gone(place)
    print("Barbican deletes it")


if __name__ == "__main__":
    ks_api.run(main)
