"""Puts names into SQL without quotes."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {name}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.user()}@'%'")
