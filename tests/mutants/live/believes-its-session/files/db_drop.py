"""Asks what is left, but only the session in which it dropped: not the server that has the name by then."""

import sys

import db_server

connection = db_server.connect(seconds=30)
names, user = db_server.databases(), db_server.user()
for name in names:
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(user)}")
left = db_server.existing_databases(connection, names)
hosts = db_server.account_hosts(connection, user)
if left or db_server.ACCOUNT_HOST in hosts:
    sys.exit(f"left: {left}, {hosts}")
