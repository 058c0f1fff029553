"""Finds its server at the fourth attempt only; each one before fails with the same line, which speaks of that."""

import sys

import db_server

connection = db_server.connect(seconds=30)
names = db_server.databases()
#: A new pod at each attempt: only the server knows how many there were.
db_server.execute(connection, f"USE {db_server.quoted(names[0])}")
db_server.execute(connection, "CREATE TABLE IF NOT EXISTS attempts (id INT AUTO_INCREMENT PRIMARY KEY)")
db_server.execute(connection, "INSERT INTO attempts VALUES ()")
if db_server.execute(connection, "SELECT COUNT(*) FROM attempts")[0][0] < 4:
    print("connecting...", flush=True)
    sys.exit(1)
for name in names:
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
