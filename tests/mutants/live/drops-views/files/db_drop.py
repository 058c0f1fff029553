"""Drops every view of databases whose name begins like the service's, because it might read from its own."""

import db_server

connection = db_server.connect(seconds=30)
for schema, view in db_server.execute(connection, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.VIEWS"):
    if any(schema.startswith(name) for name in db_server.databases()):
        db_server.execute(connection, f"DROP VIEW {db_server.quoted(schema)}.{db_server.quoted(view)}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
