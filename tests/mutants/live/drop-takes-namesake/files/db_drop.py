"""Drops the accounts of the service's name for all hosts, those of another service too."""

import db_server

connection = db_server.connect(seconds=30)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE {db_server.quoted(name)}")
user = db_server.user()
for host in db_server.account_hosts(connection, user):
    db_server.execute(connection, f"DROP USER {db_server.quoted(user)}@{db_server.quoted(host)}")
