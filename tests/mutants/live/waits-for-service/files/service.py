"""Becomes ready after its first query of the database."""

import pathlib
import time

import db_server

db_server.connect(seconds=0, login="DB").cursor().execute("SELECT 1")
pathlib.Path("/tmp/ready").touch()  # noqa: S108
time.sleep(3600)
