"""Serves until its pod ends, and drops its databases then."""

import signal
import sys
import time

import db_server


def end(_signal, _frame):
    time.sleep(2)
    connection = db_server.connect(seconds=20)
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
time.sleep(3600)
