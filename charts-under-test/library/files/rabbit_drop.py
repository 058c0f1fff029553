"""Remove the service's virtual host and user from the message queue, and nothing else.

Exit 0 only when the server reports them as gone. Idempotent: what is already gone is no error. The server itself ends
the connections to a virtual host that is removed.
"""

import time

import rabbit_api

NOT_FOUND = 404


def is_gone(place):
    """Return whether the server does not have what it would show at this place."""
    try:
        rabbit_api.send("GET", place)
    except rabbit_api.Failed as problem:
        if problem.status == NOT_FOUND:
            return True
        raise
    return False


def removed(place):
    """Remove what is at this place, and return whether the server says that it is gone."""
    try:
        rabbit_api.send("DELETE", place)
    except rabbit_api.Failed as problem:
        if problem.status != NOT_FOUND:
            raise
    return is_gone(place)


def main():
    vhost, user = rabbit_api.names()
    deadline = time.monotonic() + int(rabbit_api.variable("MESSAGING_ATTEMPT_SECONDS")) - 5
    for thing, place in (
        ("virtual host %s" % vhost, rabbit_api.path("vhosts", vhost)),
        ("user %s" % user, rabbit_api.path("users", user)),
    ):
        if not rabbit_api.patiently(lambda place=place: removed(place), deadline):
            raise rabbit_api.Failed("%s is still there after it was removed" % thing)
        print("gone: %s" % thing)


if __name__ == "__main__":
    rabbit_api.run(main)
