"""The database server, as db_init.py and db_drop.py see it.

Needs python3 and PyMySQL. Everything comes from the environment, nothing from arguments: an argument list is public.
"""

import json
import os
import time

import pymysql

# The host part of the one account that db_init creates and db_drop drops.
ACCOUNT_HOST = "%"

SYSTEM_DATABASES = {"information_schema", "mysql", "performance_schema", "sys"}

# Too many connections, shutting down, cannot connect, lost: a server that is busy or not yet there. Anything else
# (access denied, say) does not get better by waiting.
TRANSIENT = {1040, 1053, 2003, 2006, 2013}


class Refused(Exception):
    """What was asked for must not be done, or cannot be understood."""


def variable(name):
    value = os.environ.get(name)
    if value is None:
        raise Refused("environment variable %s is not set" % name)
    return value


def databases():
    """The service's databases, by name."""
    try:
        names = json.loads(variable("DB_NAMES"))
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise Refused("DB_NAMES: expected a JSON list of names")
    system = sorted(name for name in names if name.lower() in SYSTEM_DATABASES)
    if system:
        raise Refused("DB_NAMES: %s belongs to the server, not to a service" % ", ".join(system))
    return names


def user():
    """The user part of the service's account."""
    name = variable("DB_USER")
    if not name or name == variable("DB_ADMIN_USER"):
        raise Refused("DB_USER: expected an account of the service's own")
    return name


def quoted(name):
    """An identifier in SQL, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def account(name):
    """The service's account in SQL."""
    return "%s@%s" % (quoted(name), quoted(ACCOUNT_HOST))


def connect(seconds, read_timeout=None):
    """Connect as the administrator; a server that is not there yet is tried again for so many seconds."""
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            return pymysql.connect(
                host=variable("DB_HOST"),
                port=int(variable("DB_PORT")),
                user=variable("DB_ADMIN_USER"),
                # As bytes: PyMySQL would encode text as Latin-1.
                password=variable("DB_ADMIN_PASSWORD").encode("utf-8"),
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=5,
                read_timeout=read_timeout,
            )
        except pymysql.err.OperationalError as error:
            if error.args[0] not in TRANSIENT or time.monotonic() >= deadline:
                raise
            if not told:
                print("waiting for the database server: %s" % described(error))
                told = True
        time.sleep(1)


def execute(connection, statement):
    """Run one statement; the rows."""
    with connection.cursor() as cursor:
        # No arguments: so PyMySQL takes a % in a name for what it is.
        cursor.execute(statement)
        return cursor.fetchall()


def described(error):
    """An error of the server in one line."""
    return " ".join(str(part) for part in error.args) or type(error).__name__


def existing_databases(connection, names):
    """Those of the names that the server has. Compared here, because the server's comparison ignores case."""
    present = {row[0] for row in execute(connection, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")}
    return [name for name in names if name in present]


def account_hosts(connection, name):
    """The host parts of all accounts with this user name."""
    rows = execute(connection, "SELECT User, Host FROM mysql.user WHERE User = %s" % connection.escape(name))
    return [text(row[1]) for row in rows if text(row[0]) == name]


def text(value):
    """Some server columns are binary strings."""
    return value.decode("utf-8") if isinstance(value, bytes) else value
