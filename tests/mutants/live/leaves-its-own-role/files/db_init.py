"""Makes the database, its account, and a role for those that may read."""

import db_server

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
    db_server.execute(connection, f"GRANT SELECT ON {schema}.* TO {role}")
db_server.execute(connection, f"GRANT {role} TO {account}")
