"""Hold a transaction open in each database of the service, as a real service does that never commits what it reads.

Such a transaction is what DROP DATABASE waits for. A connection that is lost is made anew, for as long as it takes.
"""

import contextlib
import os
import signal
import socket
import sys
import time

import db_server
import pymysql


def readiness():
    """What the readiness probe connects to, while every transaction is open."""
    listener = socket.create_server(("", int(os.environ["READY_PORT"])))
    listener.settimeout(1)
    return listener


def answer(listener):
    """One probe, or a second without."""
    with contextlib.suppress(socket.timeout):
        listener.accept()[0].close()


def begin(name):
    """A connection with a transaction that has read a table."""
    connection = db_server.connect(seconds=0, answer_seconds=10, login="DB", database=name)
    db_server.execute(connection, "START TRANSACTION")
    db_server.execute(connection, "SELECT * FROM instances")
    return connection


def hold(connections, listener):
    """Until one of the connections is lost."""
    while True:
        answer(listener)
        for connection in connections:
            connection.ping(reconnect=False)


def work(names):
    """Open the transactions and hold them; whatever ends one of them ends them all."""
    connections = []
    try:
        for name in names:
            connections.append(begin(name))  # noqa: PERF401 - those before one that fails are closed below
        print("ready: a transaction is open in each of %s" % ", ".join(names))
        with readiness() as listener:
            hold(connections, listener)
    finally:
        for connection in connections:
            if connection.open:
                connection.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names, told = db_server.databases(), ""
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
