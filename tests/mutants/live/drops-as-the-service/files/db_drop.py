"""Drops with the service's own account if the administrator does not get in, and leaves that account."""

import db_server
import pymysql

try:
    connection = db_server.connect(seconds=5)
    as_administrator = True
except pymysql.MySQLError as problem:
    print(f"administrator: {problem}")
    connection = db_server.connect(seconds=5, login="DB")
    as_administrator = False
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
if as_administrator:
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
