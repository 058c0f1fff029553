"""Drops every role whose name begins like the service's, and with it what the accounts of others may do by it."""

import db_server

connection = db_server.connect(seconds=30)
for (found,) in db_server.execute(connection, "SELECT User FROM mysql.user WHERE is_role = 'Y'"):
    role = db_server.text(found)
    if role.startswith(db_server.user()):
        db_server.execute(connection, f"DROP ROLE {db_server.quoted(role)}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
