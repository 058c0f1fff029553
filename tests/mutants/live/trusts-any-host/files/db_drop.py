"""Drops over TLS, verifies who signed the server's certificate, and not for which host."""

import db_server
import pymysql

connection = pymysql.connect(
    host=db_server.variable("DB_HOST"),
    port=int(db_server.variable("DB_PORT")),
    user=db_server.variable("DB_ADMIN_USER"),
    password=db_server.variable("DB_ADMIN_PASSWORD").encode("utf-8"),
    autocommit=True,
    ssl={"ca": db_server.authority(), "check_hostname": False},
)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
