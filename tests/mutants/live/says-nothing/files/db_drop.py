"""Fails without a message about what is left."""

import sys

import db_server
import pymysql

try:
    connection = db_server.connect(seconds=30)
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
except pymysql.MySQLError:
    sys.exit("db_drop failed")
