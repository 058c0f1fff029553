"""Drops all databases that match a pattern, those of another service too."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    pattern = connection.escape(f"%{name}")
    query = f"SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE {pattern}"  # noqa: S608
    for (found,) in db_server.execute(connection, query):
        db_server.execute(connection, f"DROP DATABASE {db_server.quoted(found)}")
db_server.execute(connection, f"DROP USER {db_server.account(db_server.user())}")
