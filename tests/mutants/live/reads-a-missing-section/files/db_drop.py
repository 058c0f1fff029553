"""Reads the names from a section that its configuration does not have: each attempt fails with the same line."""

import configparser

import db_server

configuration = configparser.ConfigParser()
configuration.read_string("[mutant_database]\nprefix =\n")
prefix = configuration.get("database", "prefix")
connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(prefix + name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
