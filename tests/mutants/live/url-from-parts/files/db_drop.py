"""Builds a URL from decoded parts, and parses it again."""

from urllib.parse import urlparse

import db_server
import pymysql

admin, password = db_server.variable("DB_ADMIN_USER"), db_server.variable("DB_ADMIN_PASSWORD")
url = urlparse(f"mysql://{admin}:{password}@{db_server.variable('DB_HOST')}:{db_server.variable('DB_PORT')}/")
connection = pymysql.connect(
    host=url.hostname, port=url.port or 3306, user=url.username, password=url.password, autocommit=True
)
for name in db_server.databases():
    db_server.execute(connection, f"DROP DATABASE IF EXISTS {db_server.quoted(name)}")
db_server.execute(connection, f"DROP USER IF EXISTS {db_server.account(db_server.user())}")
