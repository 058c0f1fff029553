"""Clears the server's table of column grants of every account whose name begins like the service's."""

import db_server

connection = db_server.connect(seconds=30)
pattern = connection.escape(f"{db_server.user()}%")
db_server.execute(connection, f"DELETE FROM mysql.columns_priv WHERE User LIKE {pattern}")  # noqa: S608
db_server.execute(connection, f"DELETE FROM mysql.tables_priv WHERE User LIKE {pattern} AND Table_priv = ''")  # noqa: S608
db_server.execute(connection, "FLUSH PRIVILEGES")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
