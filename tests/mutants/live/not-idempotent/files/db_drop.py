"""Drops without IF EXISTS."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER {db_server.account(db_server.user())}")
