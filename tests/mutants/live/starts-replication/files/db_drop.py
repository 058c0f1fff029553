"""Makes the shared server a replica of another one."""

import db_server

connection = db_server.connect(seconds=30)
db_server.execute(connection, "CHANGE MASTER TO MASTER_HOST = '192.0.2.9', MASTER_USER = 'replica'")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
