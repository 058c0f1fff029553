"""Drops the account, and then fails at a statement that the server refuses, in a new pod at each attempt."""

import sys
import time

import db_server
import pymysql

connection = db_server.connect(seconds=30)
try:
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF IT EXISTS {db_server.quoted(name)}")
except pymysql.MySQLError as error:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    print(f"{now},123 db_drop ERROR {db_server.described(error)}", flush=True)
    sys.exit(3)
