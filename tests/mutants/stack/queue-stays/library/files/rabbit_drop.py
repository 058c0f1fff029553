"""Says that the virtual host and the user are gone, and removes nothing."""

import rabbit_api


def main():
    for name in rabbit_api.names():
        print("gone:", name)


if __name__ == "__main__":
    rabbit_api.run(main)
