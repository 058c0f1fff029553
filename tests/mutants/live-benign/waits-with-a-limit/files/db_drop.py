"""Takes every refusal of the server for one that passes, tries again for ten seconds, and then fails."""

import sys
import time

import db_server
import pymysql


def drop():
    connection = db_server.connect(seconds=0)
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")


ends = time.monotonic() + 10
while True:
    try:
        drop()
        break
    except pymysql.MySQLError as problem:
        if time.monotonic() > ends:
            sys.exit(f"db_drop failed, nothing was touched: {problem}")
        print(f"not yet: {problem}")
        time.sleep(1)
