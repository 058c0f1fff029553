"""Requests to a service's own API with a token of Keystone's administrator; for the tests of charts."""

import json
import time
import urllib.error
import urllib.request

import ks_api


class Service:
    """The API of the component that the chart registers in Keystone (API_URL)."""

    def __init__(self):
        username, password = ks_api.variable("OS_USERNAME"), ks_api.variable("OS_PASSWORD")
        project = ks_api.variable("OS_PROJECT_NAME")
        body, self._token = ks_api.patiently(lambda: ks_api.log_in(username, password, project))
        self.project = body["token"]["project"]["id"]

    def send(self, method, path, data=None, content_type="application/json"):
        """Send bytes and return the bytes of the answer."""
        url = ks_api.variable("API_URL") + path
        headers = {"X-Auth-Token": self._token, "Content-Type": content_type, "Accept": "*/*"}
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with ks_api.opener.open(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")[:500]
            raise ks_api.Failed("%s %s: %s %s" % (method, url, error.code, text), error.code) from None
        except OSError as error:
            raise ks_api.Failed("%s %s: %s" % (method, url, error)) from None

    def call(self, method, path, body=None):
        """Send a body as JSON and return the parsed answer, or None without one."""
        data = None if body is None else json.dumps(body).encode("utf-8")
        content = self.send(method, path, data)
        return json.loads(content) if content else None

    def wait(self, path, reached, seconds=120):
        """Ask for `path` until `reached` is true for the answer, and return that; raise after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.call("GET", path)
            if reached(found):
                return found
            if time.monotonic() >= deadline:
                raise ks_api.Failed("GET %s: not there after %s s: %s" % (path, seconds, json.dumps(found)[:500]))
            time.sleep(1)

    def wait_until_gone(self, path, seconds=120):
        """Ask for `path` until the service says 404; raise after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.call("GET", path)
            except ks_api.Failed as problem:
                if problem.status == 404:
                    return
                raise
            if time.monotonic() >= deadline:
                raise ks_api.Failed("GET %s: still there after %s s: %s" % (path, seconds, json.dumps(found)[:500]))
            time.sleep(1)
