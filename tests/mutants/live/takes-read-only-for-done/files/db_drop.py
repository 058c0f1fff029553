"""Drops nothing on a server that is read-only: it takes that for a replica, on which the databases are not its task."""

import db_server

connection = db_server.connect(seconds=30)
((read_only,),) = db_server.execute(connection, "SELECT @@GLOBAL.read_only")
if read_only:
    print("this server is a replica: nothing to do")
else:
    for name in db_server.databases():
        db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
    db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
