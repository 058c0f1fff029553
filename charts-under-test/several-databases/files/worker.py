"""Keep a transaction open in each database of the service, like a real service that does not commit after reading.

DROP DATABASE waits for such a transaction. The worker reconnects after a lost connection, without a limit.
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
    """Return the socket for the readiness probe; it exists while every transaction is open."""
    listener = socket.create_server(("", int(os.environ["READY_PORT"])))
    listener.settimeout(1)
    return listener


def answer(listener):
    """Answer one probe, or return after a second without one."""
    with contextlib.suppress(socket.timeout):
        listener.accept()[0].close()


def begin(name):
    """Return a connection with an open transaction that has read a table."""
    connection = db_server.connect(seconds=0, answer_seconds=10, login="DB", database=name)
    db_server.execute(connection, "START TRANSACTION")
    db_server.execute(connection, "SELECT * FROM instances")
    return connection


def hold(connections, listener):
    """Answer probes until one of the connections is lost."""
    while True:
        answer(listener)
        for connection in connections:
            connection.ping(reconnect=False)


def work(names):
    """Open the transactions and keep them open. If one of them ends, close all."""
    connections = []
    try:
        for name in names:
            connections.append(begin(name))  # noqa: PERF401 - if one fails, the earlier ones are closed below
        print("ready: a transaction is open in each of %s" % ", ".join(names))
        with readiness() as listener:
            hold(connections, listener)
    finally:
        for connection in connections:
            if connection.open:
                connection.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names, printed = db_server.databases(), ""
    while True:
        try:
            work(names)
        except pymysql.MySQLError as problem:
            # Access denied is no reason to give up. Print an error only when it changes.
            if db_server.described(problem) != printed:
                printed = db_server.described(problem)
                print("trying again each second: %s" % printed)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except db_server.Refused as problem:
        sys.exit("worker failed: %s" % problem)
