"""Log in to the dashboard as Keystone's administrator."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

import ks_api

LOGIN = "/auth/login/"
FOUND = 302


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: the page behind it asks every service of the catalog."""

    def redirect_request(self, *_):
        return None


cookies = http.cookiejar.CookieJar()
# Ignore an image's http_proxy, as ks_api does.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies), Stay)


def status(form=None):
    """Return the status with which the login page answers."""
    url = ks_api.variable("API_URL") + LOGIN
    data = None if form is None else urllib.parse.urlencode(form).encode("utf-8")
    try:
        with opener.open(url, data, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        if error.code == FOUND:
            return FOUND
        raise ks_api.Failed("%s: %s %s" % (url, error.code, error.reason), error.code) from None
    except OSError as error:
        raise ks_api.Failed("%s: %s" % (url, error)) from None


def main():
    ks_api.patiently(status)
    form = {"username": ks_api.variable("OS_USERNAME"), "password": ks_api.variable("OS_PASSWORD"), "region": "default"}
    form.update(("csrfmiddlewaretoken", cookie.value) for cookie in cookies if cookie.name == "csrftoken")
    if status(form) != FOUND:
        raise ks_api.Failed("Horizon does not let %s log in" % form["username"])
    # Who is logged in need not log in again.
    if status() != FOUND:
        raise ks_api.Failed("Horizon has forgotten the session of %s" % form["username"])
    print("Horizon logs a user in through Keystone, and keeps the session")


if __name__ == "__main__":
    ks_api.run(main)
