"""Drops the service's databases if the operator wants them removed, and does not wait for the uninstall."""

import os
import pathlib
import time

import db_server

if os.environ["REMOVAL"] == "true":
    connection = db_server.connect(seconds=30)
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
pathlib.Path("/tmp/ready").touch()  # noqa: S108
time.sleep(3600)
