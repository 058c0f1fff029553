"""Ends the sessions of every account whose name begins like the service's."""

import db_server

connection = db_server.connect(seconds=30)
pattern = connection.escape(f"{db_server.user()}%")
for (name,) in db_server.execute(connection, f"SELECT DISTINCT User FROM mysql.user WHERE User LIKE {pattern}"):  # noqa: S608
    db_server.execute(connection, f"KILL HARD USER {db_server.quoted(db_server.text(name))}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
