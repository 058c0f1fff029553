"""Drops database, account and role: the server drops with the database what is in it."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
role = db_server.quoted(f"{db_server.user()}_readers")
db_server.execute(connection, f"DROP ROLE IF EXISTS {role}")
