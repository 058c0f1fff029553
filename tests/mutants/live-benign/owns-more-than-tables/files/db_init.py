"""Makes the database and its account, a role, and what a database can hold beside tables."""

import db_server

MORE = (
    "CREATE TABLE IF NOT EXISTS note (id INT PRIMARY KEY, entry VARCHAR(64))",
    "CREATE OR REPLACE VIEW notes AS SELECT entry FROM note",
    "CREATE OR REPLACE PROCEDURE take_note() INSERT INTO note VALUES (1, 'noted')",
    "CREATE OR REPLACE TRIGGER empty_note BEFORE INSERT ON note FOR EACH ROW SET NEW.entry = IFNULL(NEW.entry, '')",
    "CREATE OR REPLACE EVENT forget ON SCHEDULE EVERY 1 DAY DO DELETE FROM note",
)
connection = db_server.connect(seconds=60)
user = db_server.user()
account, role = db_server.account(user), db_server.quoted(f"{user}_readers")
secret = connection.escape(db_server.variable("DB_PASSWORD"))
db_server.execute(connection, f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {secret}")
db_server.execute(connection, f"CREATE ROLE IF NOT EXISTS {role}")
for name in db_server.databases():
    schema = db_server.quoted(name)
    db_server.execute(connection, f"CREATE DATABASE IF NOT EXISTS {schema}")
    db_server.execute(connection, f"GRANT ALL PRIVILEGES ON {schema}.* TO {account}")
    for statement in ("USE " + schema, *MORE):
        db_server.execute(connection, statement)
    db_server.execute(connection, f"GRANT SELECT ON {schema}.* TO {role}")
db_server.execute(connection, f"GRANT {role} TO {account}")
