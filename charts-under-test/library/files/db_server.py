"""Access to the database server for the other scripts.

It needs python3 and PyMySQL. All settings come from the environment and none from arguments, which are public.
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

# Too many connections, shutting down, too many connections of the account (by the server's limit, by its own), cannot
# connect, connection lost: the server is busy or not ready yet. Waiting does not help against other errors, such as
# access denied.
TRANSIENT = {1040, 1053, 1203, 1226, 2003, 2006, 2013}


class Refused(Exception):
    """A request that the script must not carry out, or does not understand."""


def variable(name):
    value = os.environ.get(name)
    if value is None:
        raise Refused("environment variable %s is not set" % name)
    return value


def databases():
    """Return the names of the service's databases."""
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
    """Return the user part of the service's account."""
    name = variable("DB_USER")
    if not name or name == variable("DB_ADMIN_USER"):
        raise Refused("DB_USER: expected an account of the service's own")
    return name


def quoted(name):
    """Return a name quoted as an SQL identifier; it may contain any character."""
    return "`" + name.replace("`", "``") + "`"


def account(name):
    """Return the service's account for SQL, as user and host."""
    return "%s@%s" % (quoted(name), quoted(ACCOUNT_HOST))


def authority():
    """Return the file of the server's certificate authority; None means that the connection is not encrypted."""
    return os.environ.get("DB_CA") or None


class Connection(pymysql.connections.Connection):
    def _request_authentication(self):
        # If the server offers no TLS, an older PyMySQL would log in unencrypted although TLS was requested.
        if authority() and not self.server_capabilities & CLIENT.SSL:
            raise Refused("the server offers no TLS, and DB_CA asks for it")
        super()._request_authentication()


def transient(error):
    """Return whether waiting may help. PyMySQL reports an untrusted certificate with the number of an absent server."""
    cause = getattr(error, "original_exception", None)
    return error.args[0] in TRANSIENT and not isinstance(cause, ssl.SSLCertVerificationError)


def connect(seconds, answer_seconds=60, login="DB_ADMIN", database=None):
    """Connect as the administrator, or as the account that other variables name.

    Retry for `seconds` while the server is not ready. Each answer may take `answer_seconds`, so that the script does
    not wait forever on a broken network.
    """
    deadline = time.monotonic() + seconds
    reported = False
    while True:
        try:
            return Connection(
                host=variable("DB_HOST"),
                port=int(variable("DB_PORT")),
                user=variable("%s_USER" % login),
                # As bytes, because PyMySQL would encode text as Latin-1.
                password=variable("%s_PASSWORD" % login).encode("utf-8"),
                database=database,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=5,
                read_timeout=answer_seconds,
                write_timeout=answer_seconds,
                # With an authority PyMySQL verifies the certificate and its host name, DB_HOST.
                ssl=authority() and {"ca": authority()},
            )
        except OSError as error:
            # This is no network error: PyMySQL converts those into its own errors.
            raise Refused("DB_CA: %s cannot be used: %s" % (authority(), described(error))) from None
        except pymysql.err.OperationalError as error:
            if not transient(error) or time.monotonic() >= deadline:
                raise
            if not reported:
                print("waiting for the database server: %s" % described(error))
                reported = True
        time.sleep(1)


def execute(connection, statement):
    """Run one statement and return its rows."""
    with connection.cursor() as cursor:
        # Without arguments PyMySQL does not interpret a % in a name.
        cursor.execute(statement)
        return cursor.fetchall()


def described(error):
    """Return an error of the server as one line."""
    return " ".join(str(part) for part in error.args) or type(error).__name__


def existing_databases(connection, names):
    """Return the names that exist on the server. Compared here, because the server's comparison ignores case."""
    present = {row[0] for row in execute(connection, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")}
    return [name for name in names if name in present]


def account_hosts(connection, name):
    """Return the host parts of all accounts with this user name."""
    rows = execute(connection, "SELECT User, Host FROM mysql.user WHERE User = %s" % connection.escape(name))
    return [text(row[1]) for row in rows if text(row[0]) == name]


def text(value):
    """Return a column as text: some server columns are binary strings."""
    return value.decode("utf-8") if isinstance(value, bytes) else value
