"""Drops the database, but not the account."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE {db_server.quoted(name)}")
