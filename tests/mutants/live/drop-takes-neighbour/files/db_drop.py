"""Drops every database whose name begins like the service's, those of another service too."""

import db_server

connection = db_server.connect(seconds=30)
for (found,) in db_server.execute(connection, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"):
    if any(found.startswith(name) for name in db_server.databases()):
        db_server.execute(connection, f"DROP DATABASE {db_server.quoted(found)}")
db_server.execute(connection, f"DROP USER {db_server.account(db_server.user())}")
