"""Create and delete a volume type in Cinder, and see what its scheduler answers for a volume."""

import os
import uuid

import ks_api
import service_api


def schedule(cinder):
    """Create a volume, and delete it. Without a volume service, the scheduler finds no place for it."""
    volume = cinder.call("POST", "/v3/volumes", {"volume": {"size": 1, "name": "test"}})["volume"]
    place = "/v3/volumes/%s" % volume["id"]
    cinder.wait(place, lambda found: found["volume"]["status"] == "error")
    print("Cinder's scheduler gets a volume from the message queue, and finds no place for it, as expected here")
    cinder.call("DELETE", place)
    cinder.wait_until_gone(place)


def main():
    cinder = service_api.Service()
    name = "test-%s" % uuid.uuid4()
    created = cinder.call("POST", "/v3/types", {"volume_type": {"name": name}})["volume_type"]
    place = "/v3/types/%s" % created["id"]
    if cinder.call("GET", place)["volume_type"]["name"] != name:
        raise ks_api.Failed("volume type %s: Cinder shows another name than it was given" % created["id"])
    cinder.call("DELETE", place)
    cinder.wait_until_gone(place)
    print("Cinder creates, shows and deletes a volume type")
    if os.environ.get("MESSAGING_HOST"):
        cinder.wait("/v3/os-services", lambda found: any(each["state"] == "up" for each in found["services"]))
        schedule(cinder)


if __name__ == "__main__":
    ks_api.run(main)
