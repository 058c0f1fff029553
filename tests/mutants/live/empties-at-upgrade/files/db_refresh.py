"""Empties the service's databases: drops each, and makes it again under the same name."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    db_server.execute(connection, f"CREATE DATABASE {db_server.quoted(name)}")
