"""Drop the service's databases and its account, and nothing else. Exit 0 only when the server reports them as gone.

Idempotent: databases or an account that are already gone are no error. After a failure, the script reports what is
gone and what is left, and a second run completes the removal.
"""

import ipaddress
import signal
import sys
import time

import db_server
import pymysql

LOCK_WAIT_TIMEOUT = 1205
NO_SUCH_THREAD = 1094

# Seconds for the report: less than Kubernetes waits between SIGTERM and SIGKILL (10 s).
REPORT_SECONDS = 8


class Stopped(Exception):
    """The pod ends before the removal is complete."""


def stop(_signal, _frame):
    raise Stopped("stopped by SIGTERM (the Job's deadline, or an eviction)")


def give_up(_signal, _frame):
    raise Stopped("not done within DB_ATTEMPT_SECONDS: the server is slow, or the network to it is cut")


def allow(seconds):
    """Limit everything that follows to `seconds`; 0 removes the limit."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def matches(host, pattern):
    """Return whether a client at `host` logs in with the account that has this host part."""
    if "/" in pattern:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return False
    return like(host.lower(), pattern.lower())


def like(value, pattern):
    """Match like SQL's LIKE, as the server matches host names."""
    if not pattern:
        return not value
    if pattern[0] == "%":
        return any(like(value[index:], pattern[1:]) for index in range(len(value) + 1))
    return bool(value) and pattern[0] in ("_", value[0]) and like(value[1:], pattern[1:])


def client_host(processlist_host):
    """Return `10.0.0.7` of `10.0.0.7:41234`."""
    host, colon, port = processlist_host.rpartition(":")
    return host.strip("[]") if colon and port.isdigit() else processlist_host


def own_connections(connection, user):
    """Return the ids of the account's connections, without those of accounts with the same name and another host."""
    others = [host for host in db_server.account_hosts(connection, user) if host != db_server.ACCOUNT_HOST]
    found = []
    for identity, name, host in db_server.execute(
        connection, "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
    ):
        client = client_host(host or "")
        if name == user and not any(matches(client, other) for other in others):
            found.append(identity)
    return found


def kill(connection, identity):
    try:
        db_server.execute(connection, "KILL CONNECTION %d" % identity)
    except pymysql.MySQLError as error:
        if error.args[0] != NO_SUCH_THREAD:
            raise


def end_connections(connection, user):
    """End the account's connections: DROP DATABASE would wait for the metadata locks of their open transactions."""
    identities = own_connections(connection, user)
    for identity in identities:
        kill(connection, identity)
    if identities:
        print("ended %d connections of %s" % (len(identities), db_server.account(user)))


def lock_account(connection, user, locked):
    state = "LOCK" if locked else "UNLOCK"
    db_server.execute(connection, "ALTER USER IF EXISTS %s ACCOUNT %s" % (db_server.account(user), state))


def unlock_account(connection, user):
    """Unlock the account after a failure. A server that takes no changes did not lock it either."""
    try:
        lock_account(connection, user, False)
    except pymysql.MySQLError as error:
        print(
            "account %s was not unlocked: %s" % (db_server.account(user), db_server.described(error)), file=sys.stderr
        )


def drop_database(connection, name, user, last_try):
    """Drop a database. Retry while locked: a killed connection keeps its locks until it is rolled back."""
    while True:
        end_connections(connection, user)
        try:
            db_server.execute(connection, "DROP DATABASE IF EXISTS %s" % db_server.quoted(name))
            return
        except pymysql.MySQLError as error:
            if error.args[0] != LOCK_WAIT_TIMEOUT:
                raise
            if time.monotonic() >= last_try:
                raise db_server.Refused("database %s is held: %s" % (name, holders(connection, name))) from None


def holders(connection, name):
    """Return who uses a database, but not their statements, which may contain secrets."""
    query = "SELECT ID, USER, HOST, DB, COMMAND, TIME FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
    rows = [row for row in db_server.execute(connection, query) if row[3] == name]
    users = ["connection %s of %s from %s (%s, %s s)" % (row[0], row[1], row[2], row[4], row[5]) for row in rows]
    return "; ".join(users) or "no connection names it, a transaction or backup lock of another database's user does"


def left_over(connection, names, user):
    """Return the service's databases, account and grants that the server still has."""
    left = ["database %s" % name for name in db_server.existing_databases(connection, names)]
    if db_server.ACCOUNT_HOST in db_server.account_hosts(connection, user):
        left.append("account %s" % db_server.account(user))
    rows = db_server.execute(connection, "SELECT User, Host, Db FROM mysql.db")
    for grantee, host, pattern in rows:
        if (db_server.text(grantee), db_server.text(host)) == (user, db_server.ACCOUNT_HOST):
            left.append("grant on %s to %s" % (db_server.text(pattern), db_server.account(user)))
    return left


def drop(connection, names, user, lock_wait, deadline):
    """Drop everything. Raise at the first database or account that cannot be dropped."""
    # Without a limit the server would keep waiting, and drop the database long after this pod was killed.
    db_server.execute(connection, "SET SESSION lock_wait_timeout = %d" % lock_wait)
    # Locked, so that there are no new connections. Not dropped: after a failure below the service must work again.
    lock_account(connection, user, True)
    for name in names:
        drop_database(connection, name, user, deadline - lock_wait)
    db_server.execute(connection, "DROP USER IF EXISTS %s" % db_server.account(user))
    end_connections(connection, user)


def abandon(connection, thread):
    """End the connection that was dropping: its statement may still wait in the server, and act after the report."""
    deadline = time.monotonic() + 5
    query = "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %d" % thread
    while db_server.execute(connection, query) and time.monotonic() < deadline:
        kill(connection, thread)
        time.sleep(0.1)


def left_after_failure(thread, names, user):
    """Return what is left, or None if the server does not answer. Unlock the account if all databases still exist."""
    try:
        connection = db_server.connect(seconds=0, answer_seconds=5)
        if thread is not None:
            abandon(connection, thread)
        left = left_over(connection, names, user)
        if len(db_server.existing_databases(connection, names)) == len(names):
            unlock_account(connection, user)
        return left
    except (Stopped, db_server.Refused, pymysql.MySQLError):
        return None


def report_failure(thread, names, user, reason):
    # The report is short, and more useful than an exit a moment earlier.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    allow(REPORT_SECONDS)
    left = left_after_failure(thread, names, user)
    allow(0)
    print("db_drop failed: %s" % reason, file=sys.stderr)
    if left is None:
        print("remaining databases are unknown: the server does not answer", file=sys.stderr)
        return
    everything = ["database %s" % name for name in names] + ["account %s" % db_server.account(user)]
    gone = [thing for thing in everything if thing not in left]
    print("gone: %s" % (", ".join(gone) or "nothing"), file=sys.stderr)
    print("left: %s" % (", ".join(left) or "nothing"), file=sys.stderr)


def main():
    signal.signal(signal.SIGTERM, stop)
    names, user = db_server.databases(), db_server.user()
    lock_wait = int(db_server.variable("DB_LOCK_WAIT_SECONDS"))
    attempt = int(db_server.variable("DB_ATTEMPT_SECONDS"))
    # The report counts as part of the attempt, so that all attempts of the Job fit into its deadline.
    seconds = attempt - min(REPORT_SECONDS, attempt / 4)
    deadline = time.monotonic() + seconds
    thread = None
    signal.signal(signal.SIGALRM, give_up)
    try:
        allow(seconds)
        # A little less than the limit, so that a network error is reported as such.
        connection = db_server.connect(seconds - 2, answer_seconds=seconds)
        thread = connection.thread_id()
        drop(connection, names, user, lock_wait, deadline)
        # Check with a new connection: only the state of the server that has the name now counts. The account may be
        # allowed one connection only.
        connection.close()
        left = left_over(db_server.connect(seconds=5, answer_seconds=seconds), names, user)
        if left:
            raise db_server.Refused("the server still has what was dropped")
        allow(0)
    except (Stopped, db_server.Refused, pymysql.MySQLError) as problem:
        report_failure(thread, names, user, db_server.described(problem))
        return 1
    for name in names:
        print("gone: database %s" % name)
    print("gone: account %s and its grants" % db_server.account(user))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (db_server.Refused, ValueError) as problem:
        sys.exit("db_drop failed, nothing was touched: %s" % problem)
