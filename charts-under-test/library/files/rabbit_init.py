"""Create the service's virtual host on the message queue, its user, and the user's permissions there. Idempotent."""

import time

import rabbit_api


def main():
    vhost, user = rabbit_api.names()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    deadline = time.monotonic() + 60
    # A PUT creates what is missing, and sets the password of a user that is there.
    for thing, place, body in (
        ("virtual host %s" % vhost, rabbit_api.path("vhosts", vhost), {}),
        (
            "user %s" % user,
            rabbit_api.path("users", user),
            {"password": rabbit_api.variable("MESSAGING_PASSWORD"), "tags": ""},
        ),
        ("permissions of %s" % user, rabbit_api.path("permissions", vhost, user), everything),
    ):
        rabbit_api.patiently(lambda place=place, body=body: rabbit_api.send("PUT", place, body), deadline)
        print("%s: ready" % thing)


if __name__ == "__main__":
    rabbit_api.run(main)
