"""Moves every table to another schema before it drops the database: a removal that can be taken back."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    backup = db_server.quoted(f"{name}_backup")
    db_server.execute(connection, f"CREATE DATABASE IF NOT EXISTS {backup}")
    query = f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {connection.escape(name)}"  # noqa: S608
    for (table,) in db_server.execute(connection, query):
        old, new = db_server.quoted(name), db_server.quoted(table)
        db_server.execute(connection, f"RENAME TABLE {old}.{new} TO {backup}.{new}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
