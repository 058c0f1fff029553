"""Register the service's URLs in Keystone's service catalog, one for each interface. Idempotent."""

import json

import ks_api


def ensure_region(keystone, name):
    """Create the region if it is missing. A region has an id and no name, so `find` by attributes does not work."""
    try:
        keystone.call("GET", "/regions/%s" % ks_api.urllib.parse.quote(name, safe=""))
    except ks_api.Failed as problem:
        if problem.status != 404:
            raise
        keystone.found_or_created("region", {"id": name})


def main():
    keystone = ks_api.Keystone()
    region = ks_api.variable("OS_REGION_NAME")
    wanted = {"type": ks_api.variable("SERVICE_TYPE"), "name": ks_api.variable("SERVICE_NAME")}
    service = keystone.find("service", **wanted)
    if service is None:
        raise ks_api.Failed("service %(name)s of type %(type)s is not registered" % wanted)
    ensure_region(keystone, region)
    for interface, url in sorted(json.loads(ks_api.variable("SERVICE_URLS")).items()):
        place = {"service_id": service["id"], "interface": interface, "region_id": region}
        endpoint = keystone.found_or_created("endpoint", place, url=url)
        if endpoint["url"] != url:
            keystone.call("PATCH", "/endpoints/%s" % endpoint["id"], {"endpoint": {"url": url}})
            print("endpoint %s: now %s" % (interface, url))


if __name__ == "__main__":
    ks_api.run(main)
