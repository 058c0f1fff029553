"""Request a token from the API, as its administrator and as the user that ks_user created."""

import ks_api


def main():
    ks_api.Keystone()
    ks_api.patiently(
        lambda: ks_api.token(
            ks_api.variable("SERVICE_USERNAME"), ks_api.variable("SERVICE_PASSWORD"), ks_api.variable("SERVICE_PROJECT")
        )
    )
    print("Keystone gives tokens")


if __name__ == "__main__":
    ks_api.run(main)
