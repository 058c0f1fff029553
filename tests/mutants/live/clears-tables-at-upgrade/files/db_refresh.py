"""Deletes every row of the service's databases, and leaves the tables."""

import db_server

connection = db_server.connect(seconds=30)
tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"
for schema, table in db_server.execute(connection, tables):
    if schema in db_server.databases():
        name = f"{db_server.quoted(schema)}.{db_server.quoted(table)}"
        db_server.execute(connection, f"DELETE FROM {name}")  # noqa: S608
