"""The database server, as the scripts see it.

Needs python3 and PyMySQL. Everything comes from the environment, nothing from arguments: an argument list is public.
"""

import json
import os
import ssl
import time

import pymysql
import pymysql.connections
from pymysql.constants import CLIENT

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


def authority():
    """The file of the authority that vouches for the server; None: the connection is not encrypted."""
    return os.environ.get("DB_CA") or None


class Connection(pymysql.connections.Connection):
    def _request_authentication(self):
        # An older PyMySQL would log in in the clear, although TLS was asked for, where the server offers none.
        if authority() and not self.server_capabilities & CLIENT.SSL:
            raise Refused("the server offers no TLS, and DB_CA asks for it")
        super()._request_authentication()


def transient(error):
    """Whether waiting may help. PyMySQL gives a certificate that is not trusted the number of a server that is away."""
    cause = getattr(error, "original_exception", None)
    return error.args[0] in TRANSIENT and not isinstance(cause, ssl.SSLCertVerificationError)


def connect(seconds, answer_seconds=60, login="DB_ADMIN", database=None):
    """Connect as the administrator, or as the account of other variables.

    A server that is not there yet is tried again for so many seconds; one that is there may take answer_seconds for
    each of its answers, so that nobody waits for ever on a network that is cut.
    """
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            return Connection(
                host=variable("DB_HOST"),
                port=int(variable("DB_PORT")),
                user=variable("%s_USER" % login),
                # As bytes: PyMySQL would encode text as Latin-1.
                password=variable("%s_PASSWORD" % login).encode("utf-8"),
                database=database,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=5,
                read_timeout=answer_seconds,
                write_timeout=answer_seconds,
                # With an authority PyMySQL verifies the certificate, and that it is one for DB_HOST.
                ssl=authority() and {"ca": authority()},
            )
        except OSError as error:
            # Not the network's: of those PyMySQL makes errors of its own.
            raise Refused("DB_CA: %s cannot be used: %s" % (authority(), described(error))) from None
        except pymysql.err.OperationalError as error:
            if not transient(error) or time.monotonic() >= deadline:
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
