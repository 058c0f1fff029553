"""The part of Keystone's HTTP API that ks_user.py, ks_service.py and ks_endpoints.py need. Standard library only."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

CONFLICT = 409

# Ignore an image's http_proxy: it must not be used for a Service of the cluster.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """Keystone refused a request or did not answer. `status` is the HTTP status, or 0 without an answer."""

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


def variable(name):
    value = os.environ.get(name)
    if not value:
        raise Failed("environment variable %s is not set" % name)
    return value


def run(main):
    """Run a script's main. On failure print one line and exit with 1."""
    try:
        main()
    except Failed as problem:
        sys.exit("failed: %s" % problem)


def send(method, url, body=None, token=None):
    """Send one request and return the answer's body and headers."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["X-Auth-Token"] = token
    data = None if body is None else json.dumps(body).encode("utf-8")
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    place = "%s %s" % (method, url)
    try:
        with opener.open(request, timeout=30) as answer:
            content = answer.read()
            return (json.loads(content) if content else {}), answer.headers
    except urllib.error.HTTPError as error:
        raise Failed("%s: %s %s" % (place, error.code, reason(error)), error.code) from None
    except (OSError, ValueError) as error:
        raise Failed("%s: %s" % (place, error)) from None


def reason(error):
    """Return Keystone's own message for an error."""
    try:
        return json.loads(error.read())["error"]["message"]
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason


def credentials(username, password, project):
    """Return the body of a token request."""
    domain = {"name": variable("OS_DOMAIN_NAME")}
    user = {"name": username, "domain": domain, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}


def log_in(username, password, project):
    """Log in; return the answer's body, which describes the token, and the token."""
    body, headers = send("POST", variable("OS_AUTH_URL") + "/auth/tokens", credentials(username, password, project))
    return body, headers["X-Subject-Token"]


def token(username, password, project):
    """Log in and return a token."""
    return log_in(username, password, project)[1]


def services():
    """Return the services to register, each with `type`, `name` and `urls` by interface."""
    first = {"type": variable("SERVICE_TYPE"), "name": variable("SERVICE_NAME")}
    first["urls"] = json.loads(os.environ.get("SERVICE_URLS", "{}"))
    return [first, *json.loads(os.environ.get("MORE_SERVICES", "[]"))]


def patiently(action, seconds=60):
    """Run an action, and retry for `seconds` while Keystone does not answer or reports a server error."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except Failed as problem:
            if 0 < problem.status < 500 or time.monotonic() >= deadline:
                raise
        time.sleep(1)


class Keystone:
    """A connection to Keystone, logged in as the administrator that the environment names."""

    def __init__(self):
        username, password = variable("OS_USERNAME"), variable("OS_PASSWORD")
        self._token = patiently(lambda: token(username, password, variable("OS_PROJECT_NAME")))

    def call(self, method, path, body=None):
        return patiently(lambda: send(method, variable("OS_AUTH_URL") + path, body, self._token)[0])

    def find(self, kind, **attributes):
        """Return the object with these attributes, or None. Compared here, as servers may ignore filters or case."""
        query = urllib.parse.urlencode({key: value for key, value in attributes.items() if value is not None})
        for found in self.call("GET", "/%ss?%s" % (kind, query))["%ss" % kind]:
            if all(found.get(key) == value for key, value in attributes.items()):
                return found
        return None

    def found_or_created(self, kind, wanted, **more):
        """Return the object with the attributes `wanted`. If there is none, create it with `wanted` and `more`."""
        found = self.find(kind, **wanted)
        if found is None:
            try:
                found = self.call("POST", "/%ss" % kind, {kind: {**wanted, **more}})[kind]
                print("%s %s: created" % (kind, label(found)))
                return found
            except Failed as problem:
                if problem.status != CONFLICT:
                    raise
                found = self.find(kind, **wanted)
                if found is None:
                    raise
        print("%s %s: was there" % (kind, label(found)))
        return found


def label(thing):
    return thing.get("name") or thing.get("interface") or thing["id"]
