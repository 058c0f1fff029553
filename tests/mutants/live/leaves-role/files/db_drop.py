"""Drops with a role that it makes for that, and leaves the role."""

import db_server

connection = db_server.connect(seconds=30)
role = db_server.quoted(f"{db_server.user()}_removal")
db_server.execute(connection, f"CREATE ROLE IF NOT EXISTS {role}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
