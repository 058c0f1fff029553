"""Register the service, or several, in Keystone's service catalog. Idempotent."""

import ks_api


def main():
    keystone = ks_api.Keystone()
    for service in ks_api.services():
        keystone.found_or_created("service", {"type": service["type"], "name": service["name"]})


if __name__ == "__main__":
    ks_api.run(main)
