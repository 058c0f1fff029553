"""Store an image in Glance, read it back, and delete it."""

import os

import ks_api
import service_api

CONTENT = os.urandom(1 << 16)


def main():
    glance = service_api.Service()
    image = glance.call("POST", "/v2/images", {"name": "test", "disk_format": "raw", "container_format": "bare"})
    place = "/v2/images/%s" % image["id"]
    glance.send("PUT", place + "/file", CONTENT, content_type="application/octet-stream")
    if glance.send("GET", place + "/file") != CONTENT:
        raise ks_api.Failed("image %s: Glance serves other bytes than it was given" % image["id"])
    print("Glance stores an image, and serves it unchanged")
    glance.call("DELETE", place)


if __name__ == "__main__":
    ks_api.run(main)
