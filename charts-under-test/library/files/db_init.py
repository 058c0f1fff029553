"""Create the service's databases, its account, and the account's grants on them. Idempotent."""

import sys

import db_server
import pymysql


def pattern(name):
    """Return the name for GRANT, where it is a pattern: unescaped, keystone_api would also match keystoneXapi."""
    for character in "\\_%":
        name = name.replace(character, "\\" + character)
    return db_server.quoted(name)


def create_database(connection, name):
    was_there = db_server.existing_databases(connection, [name])
    db_server.execute(connection, "CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4" % db_server.quoted(name))
    print("database %s: %s" % (name, "was there" if was_there else "created"))


def create_account(connection, user, password):
    account = db_server.account(user)
    secret = connection.escape(password)
    try:
        db_server.execute(connection, "CREATE USER IF NOT EXISTS %s IDENTIFIED BY %s" % (account, secret))
        # An existing account may have another password, or a db_drop that was killed halfway may have locked it.
        db_server.execute(connection, "ALTER USER %s IDENTIFIED BY %s ACCOUNT UNLOCK" % (account, secret))
    except pymysql.MySQLError as error:
        # The message may quote the statement, which contains the password.
        raise db_server.Refused("account %s: the server answers with error %s" % (account, error.args[0])) from None
    print("account %s: ready" % account)


def main():
    names, user = db_server.databases(), db_server.user()
    password = db_server.variable("DB_PASSWORD")
    connection = db_server.connect(seconds=60)
    for name in names:
        create_database(connection, name)
    create_account(connection, user, password)
    for name in names:
        grant = "GRANT ALL PRIVILEGES ON %s.* TO %s" % (pattern(name), db_server.account(user))
        db_server.execute(connection, grant)
        print("grant: all on %s to %s" % (name, db_server.account(user)))


if __name__ == "__main__":
    try:
        main()
    except (db_server.Refused, pymysql.MySQLError) as problem:
        sys.exit("db_init failed: %s" % db_server.described(problem))
