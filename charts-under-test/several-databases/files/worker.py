"""Hold a transaction open in each database of the service, as a real service does that never commits what it reads.

Such a transaction is what DROP DATABASE waits for. A connection that is lost is made anew, for as long as it takes.
"""

import pathlib
import signal
import sys
import time

import db_server
import pymysql

# Exists while every transaction is open: what the readiness probe looks for.
READY = pathlib.Path("/tmp/ready")  # noqa: S108 - the pod's own folder


def set_ready(ready):
    if ready:
        READY.touch()
    elif READY.exists():
        READY.unlink()


def begin(name):
    """A connection with a transaction that has read a table."""
    connection = db_server.connect(seconds=0, answer_seconds=10, login="DB", database=name)
    db_server.execute(connection, "START TRANSACTION")
    db_server.execute(connection, "SELECT * FROM instances")
    return connection


def hold(connections):
    """Until one of the connections is lost."""
    while True:
        time.sleep(1)
        for connection in connections:
            connection.ping(reconnect=False)


def work(names):
    """Open the transactions and hold them; whatever ends one of them ends them all."""
    connections = []
    try:
        for name in names:
            connections.append(begin(name))  # noqa: PERF401 - those before one that fails are closed below
        set_ready(True)
        print("ready: a transaction is open in each of %s" % ", ".join(names))
        hold(connections)
    finally:
        set_ready(False)
        for connection in connections:
            if connection.open:
                connection.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names, told = db_server.databases(), ""
    set_ready(False)
    while True:
        try:
            work(names)
        except pymysql.MySQLError as problem:
            # Access denied is no reason to give up, nor to say it every second.
            if db_server.described(problem) != told:
                told = db_server.described(problem)
                print("trying again each second: %s" % told)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except db_server.Refused as problem:
        sys.exit("worker failed: %s" % problem)
