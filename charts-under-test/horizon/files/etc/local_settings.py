"""Horizon's settings without a usable default. Horizon imports them by this name.

The chart's values are in the file beside it.
"""

import json
from pathlib import Path

import pymysql

# Django's backend for MySQL asks for mysqlclient; PyMySQL has the same interface.
pymysql.install_as_MySQLdb()

values = json.loads((Path(__file__).parent / "horizon.json").read_text(encoding="utf-8"))

database = values["database"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": database["host"],
        "PORT": database["port"],
        "NAME": database["name"],
        "USER": database["username"],
        # As bytes, because PyMySQL would encode text as Latin-1.
        "PASSWORD": database["password"].encode("utf-8"),
        "OPTIONS": {"charset": "utf8mb4", **({"ssl": {"ca": database["ca"]}} if "ca" in database else {})},
    }
}
# Without it, Horizon keeps sessions in memcached.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

SECRET_KEY = values["secret_key"]
# The readiness probe asks for the pod by its address.
ALLOWED_HOSTS = ["*"]
OPENSTACK_KEYSTONE_URL = values["keystone"]["url"]
OPENSTACK_KEYSTONE_DEFAULT_DOMAIN = values["keystone"]["domain"]

# Not every package of Horizon has the policies of the services. They check each request themselves.
POLICY_CHECK_FUNCTION = None

# The images have no web server that serves style sheets, and need not compile them for each page.
COMPRESS_ENABLED = False
COMPRESS_PRECOMPILERS = ()
