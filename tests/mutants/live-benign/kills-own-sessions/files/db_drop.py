"""Ends the sessions of the service's own account, and no other, by the account's name."""

import db_server

connection = db_server.connect(seconds=30)
account = db_server.account(db_server.user())
db_server.execute(connection, f"ALTER USER IF EXISTS {account} ACCOUNT LOCK")
db_server.execute(connection, f"KILL HARD USER {account}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
