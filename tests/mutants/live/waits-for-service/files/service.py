"""Logs in, and is ready then."""

import pathlib
import time

import db_server

time.sleep(5)
db_server.connect(seconds=0, login="DB")
pathlib.Path("/tmp/ready").touch()  # noqa: S108
time.sleep(3600)
