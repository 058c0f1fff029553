"""Notes what it drops: in a temporary table of its session, in a table of the database that it drops, and on stdout."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    schema = db_server.quoted(name)
    if not db_server.existing_databases(connection, [name]):
        continue
    query = f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {connection.escape(name)}"  # noqa: S608
    db_server.execute(connection, f"CREATE TEMPORARY TABLE {schema}.noted AS {query}")
    db_server.execute(connection, f"CREATE TABLE IF NOT EXISTS {schema}.drop_log (entry VARCHAR(64))")
    db_server.execute(connection, f"INSERT INTO {schema}.drop_log SELECT * FROM {schema}.noted")  # noqa: S608
    print(f"dropping {name}: {db_server.execute(connection, f'SELECT COUNT(*) FROM {schema}.noted')[0][0]} tables")  # noqa: S608
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
