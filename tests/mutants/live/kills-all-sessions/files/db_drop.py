"""Ends every session of the server, so that nothing can hold the drop up."""

import contextlib

import db_server
import pymysql

connection = db_server.connect(seconds=30)
query = "SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER <> 'system user'"
for (identity,) in db_server.execute(connection, query):
    with contextlib.suppress(pymysql.MySQLError):  # it may be gone by now
        db_server.execute(connection, f"KILL CONNECTION {identity}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
