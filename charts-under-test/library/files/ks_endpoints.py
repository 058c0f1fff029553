"""Register the service's URLs in Keystone's service catalog, one for each interface. Idempotent."""

import ks_api


def ensure_region(keystone, name):
    """Create the region if it is missing. A region has an id and no name, so `find` by attributes does not work."""
    try:
        keystone.call("GET", "/regions/%s" % ks_api.urllib.parse.quote(name, safe=""))
    except ks_api.Failed as problem:
        if problem.status != 404:
            raise
        keystone.found_or_created("region", {"id": name})


def register(keystone, region, wanted):
    """Register the URLs of one service."""
    service = keystone.find("service", type=wanted["type"], name=wanted["name"])
    if service is None:
        raise ks_api.Failed("service %(name)s of type %(type)s is not registered" % wanted)
    for interface, url in sorted(wanted["urls"].items()):
        place = {"service_id": service["id"], "interface": interface, "region_id": region}
        endpoint = keystone.found_or_created("endpoint", place, url=url)
        if endpoint["url"] != url:
            keystone.call("PATCH", "/endpoints/%s" % endpoint["id"], {"endpoint": {"url": url}})
            print("endpoint %s: now %s" % (interface, url))


def main():
    keystone = ks_api.Keystone()
    region = ks_api.variable("OS_REGION_NAME")
    ensure_region(keystone, region)
    for service in ks_api.services():
        register(keystone, region, service)


if __name__ == "__main__":
    ks_api.run(main)
