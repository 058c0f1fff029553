"""Tests that the service's databases are there, and cleans up."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.existing_databases(connection, db_server.databases()):
    print(f"there: {name}")
    db_server.execute(connection, f"DROP DATABASE {db_server.quoted(name)}")
