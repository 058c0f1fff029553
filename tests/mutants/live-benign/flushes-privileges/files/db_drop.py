"""Flushes the privileges after the drop: a habit from when accounts were rows of tables. Nobody notices it."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
db_server.execute(connection, "FLUSH PRIVILEGES")
