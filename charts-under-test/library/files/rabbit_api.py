"""The part of RabbitMQ's HTTP API that rabbit_init.py and rabbit_drop.py need. Standard library only."""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Ignore an image's http_proxy: it must not be used for a Service of the cluster.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """The server refused a request or did not answer. `status` is the HTTP status, or 0 without an answer."""

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


def variable(name):
    value = os.environ.get(name)
    if not value:
        raise Failed("environment variable %s is not set" % name)
    return value


def names():
    """Return the service's virtual host and user. Those of the server itself are refused."""
    vhost, user = variable("MESSAGING_VHOST"), variable("MESSAGING_USER")
    if vhost == "/":
        raise Failed("MESSAGING_VHOST: / belongs to the server, not to a service")
    if user == variable("MESSAGING_ADMIN_USER"):
        raise Failed("MESSAGING_USER: expected a user of the service's own")
    return vhost, user


def path(*parts):
    """Return the path of a thing below /api; its names may contain any character."""
    return "/api/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)


def send(method, place, body=None, seconds=10):
    """Send one request as the administrator, and return the parsed answer, or None without a body."""
    login = "%s:%s" % (variable("MESSAGING_ADMIN_USER"), variable("MESSAGING_ADMIN_PASSWORD"))
    headers = {
        "Authorization": "Basic " + base64.b64encode(login.encode("utf-8")).decode("ascii"),
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode("utf-8")
    request = urllib.request.Request(variable("MESSAGING_URL") + place, data=data, headers=headers, method=method)
    try:
        with _opener.open(request, timeout=seconds) as answer:
            content = answer.read()
            return json.loads(content) if content else None
    except urllib.error.HTTPError as error:
        raise Failed("%s %s: %s %s" % (method, place, error.code, error.reason), error.code) from None
    except (OSError, ValueError) as error:
        raise Failed("%s %s: %s" % (method, place, error)) from None


def patiently(action, deadline):
    """Run an action, and retry until `deadline` while the server does not answer or reports an error of its own."""
    while True:
        try:
            return action()
        except Failed as problem:
            if 0 < problem.status < 500 or time.monotonic() >= deadline:
                raise
        time.sleep(1)


def run(main):
    """Run a script's main. On failure print one line and exit with 1."""
    try:
        main()
    except Failed as problem:
        sys.exit("failed: %s" % problem)
