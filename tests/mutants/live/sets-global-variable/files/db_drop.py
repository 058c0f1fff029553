"""Shortens the lock wait of the whole server instead of its session's, and leaves it so."""

import db_server

connection = db_server.connect(seconds=30)
db_server.execute(connection, "SET GLOBAL lock_wait_timeout = 5")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
