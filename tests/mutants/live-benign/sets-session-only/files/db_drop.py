"""Changes variables of its own session, and no others."""

import db_server

connection = db_server.connect(seconds=30)
db_server.execute(connection, "SET SESSION lock_wait_timeout = 5, SESSION foreign_key_checks = 0, @removal = 'begun'")
db_server.execute(connection, "SET SESSION sql_log_bin = 0")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
