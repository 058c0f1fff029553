"""Ignores SIGTERM."""

import signal
import time

import db_server

signal.signal(signal.SIGTERM, signal.SIG_IGN)
connection = db_server.connect(seconds=3600)
time.sleep(15)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
