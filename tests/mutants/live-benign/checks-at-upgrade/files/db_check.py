"""Looks whether the drop can log in, and what it will drop."""

import sys

import db_server

connection = db_server.connect(seconds=30)
there = db_server.existing_databases(connection, db_server.databases())
print(f"the uninstall will drop: {', '.join(there)}")
sys.exit(0 if there else "there is no database to drop")
