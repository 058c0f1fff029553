"""Drops, asks the server that has the name by then, and drops there too if it still has the databases."""

import sys
import time

import db_server
import pymysql

names, user = db_server.databases(), db_server.user()


def drop():
    connection = db_server.connect(seconds=5)
    # Long enough for a lock that the server holds for some seconds only.
    db_server.execute(connection, "SET SESSION lock_wait_timeout = 20")
    for name in names:
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(user)}")


def left():
    connection = db_server.connect(seconds=5)
    found = db_server.existing_databases(connection, names)
    return found + [user] * (db_server.ACCOUNT_HOST in db_server.account_hosts(connection, user))


ends = time.monotonic() + 40
try:
    drop()
    while left():
        if time.monotonic() > ends:
            sys.exit(f"db_drop failed, left: {left()}")
        print("another server has the name now")
        drop()
except pymysql.MySQLError as problem:
    sys.exit(f"db_drop failed: {problem}")
