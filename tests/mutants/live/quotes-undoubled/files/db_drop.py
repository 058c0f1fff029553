"""Puts names in quotes, but does not escape quotes in them."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS `{name}`")
db_server.execute(connection, f"DROP USER IF EXISTS '{db_server.user()}'@'%'")
