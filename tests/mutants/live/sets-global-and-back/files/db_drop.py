"""Switches the checks of foreign keys off for the whole server during the drop, and on again."""

import db_server

connection = db_server.connect(seconds=30)
db_server.execute(connection, "SET GLOBAL foreign_key_checks = OFF")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
db_server.execute(connection, "SET GLOBAL foreign_key_checks = ON")
