"""Ends the sessions of all other clients if the server refuses, because one of them may be the reason."""

import sys

import db_server
import pymysql

connection = db_server.connect(seconds=30)
sessions = "SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND COMMAND = 'Sleep'"
for attempt in (1, 2):
    try:
        for name in db_server.databases():
            db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
        db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
        break
    except pymysql.MySQLError as problem:
        if attempt == 2:
            sys.exit(f"db_drop failed: {problem}")
        for (identity,) in db_server.execute(connection, sessions):
            db_server.execute(connection, f"KILL {identity}")
