"""Drops every routine, event and trigger of the server, as if all of them were its own."""

import db_server

QUERIES = (
    "SELECT 'EVENT', EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS",
    "SELECT 'TRIGGER', TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS",
    "SELECT ROUTINE_TYPE, ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.ROUTINES",
)
connection = db_server.connect(seconds=30)
for query in QUERIES:
    for kind, schema, name in db_server.execute(connection, query):
        if schema not in db_server.SYSTEM_DATABASES:
            db_server.execute(connection, f"DROP {kind} {db_server.quoted(schema)}.{db_server.quoted(name)}")
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
