"""A slow migration."""

import time

import db_server

time.sleep(4)
for name in db_server.databases():
    connection = db_server.connect(seconds=30, login="DB", database=name)
    db_server.execute(connection, "CREATE TABLE IF NOT EXISTS migrated (id INT PRIMARY KEY)")
