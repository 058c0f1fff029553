"""Logs in with a URL that it builds from decoded parts."""

from urllib.parse import urlparse

import db_server
import pymysql

host, port = db_server.variable("DB_HOST"), db_server.variable("DB_PORT")
url = urlparse(f"mysql://{db_server.user()}:{db_server.variable('DB_PASSWORD')}@{host}:{port}/")
pymysql.connect(host=url.hostname, port=url.port or 3306, user=url.username, password=url.password)
print("logged in")
