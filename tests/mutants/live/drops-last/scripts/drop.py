"""Drops with what its environment says, and nothing from any file."""

import json
import os

import pymysql

env = os.environ
connection = pymysql.connect(
    host=env["DB_HOST"],
    port=int(env["DB_PORT"]),
    user=env["DB_ADMIN_USER"],
    password=env["DB_ADMIN_PASSWORD"].encode("utf-8"),
    charset="utf8mb4",
    autocommit=True,
    connect_timeout=5,
)
with connection.cursor() as cursor:
    for name in json.loads(env["DB_NAMES"]):
        cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
    cursor.execute(f"DROP USER IF EXISTS `{env['DB_USER']}`@`%`")
