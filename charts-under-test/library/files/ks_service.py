"""Register the service in Keystone's service catalog. Idempotent."""

import ks_api


def main():
    keystone = ks_api.Keystone()
    wanted = {"type": ks_api.variable("SERVICE_TYPE"), "name": ks_api.variable("SERVICE_NAME")}
    keystone.found_or_created("service", wanted)


if __name__ == "__main__":
    ks_api.run(main)
