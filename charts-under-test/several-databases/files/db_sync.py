"""Migrate the schema of each database to the newest version, with the service's account. Idempotent."""

import sys

import db_server
import pymysql

# Oldest first. A version's statements may run twice, because none of them can be rolled back.
VERSIONS = [
    (
        "5a1f0c7e2b94",
        [
            "CREATE TABLE IF NOT EXISTS hosts (id INT PRIMARY KEY, name VARCHAR(255) NOT NULL) ENGINE=InnoDB",
            "INSERT IGNORE INTO hosts VALUES (1, 'controller'), (2, 'compute-1'), (3, 'compute-2')",
            "CREATE TABLE IF NOT EXISTS flavors (id INT PRIMARY KEY, name VARCHAR(255), memory_mb INT) ENGINE=InnoDB",
            "INSERT IGNORE INTO flavors VALUES (1, 'small', 2048), (2, 'large', 16384)",
        ],
    ),
    (
        "9c3d48b60e17",
        [
            "CREATE TABLE IF NOT EXISTS instances (id INT PRIMARY KEY, host_id INT, name VARCHAR(255)) ENGINE=InnoDB",
            "INSERT IGNORE INTO instances VALUES (1, 2, 'first'), (2, 3, 'sécond')",
        ],
    ),
]


def current(connection):
    """Return the version of the schema, or None for a database without one."""
    db_server.execute(
        connection, "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) PRIMARY KEY) ENGINE=InnoDB"
    )
    rows = db_server.execute(connection, "SELECT version_num FROM alembic_version")
    return rows[0][0] if rows else None


def missing(name, version):
    """Return the versions after this one."""
    known = [each for each, _ in VERSIONS]
    if version is None:
        return VERSIONS
    if version not in known:
        raise db_server.Refused("database %s: its schema has version %s, which is not known here" % (name, version))
    return VERSIONS[known.index(version) + 1 :]


def note(connection, version):
    # In one transaction, so that a database never loses its version.
    db_server.execute(connection, "START TRANSACTION")
    db_server.execute(connection, "DELETE FROM alembic_version")
    db_server.execute(connection, "INSERT INTO alembic_version VALUES ('%s')" % version)
    db_server.execute(connection, "COMMIT")


def migrate(name):
    connection = db_server.connect(seconds=60, login="DB", database=name)
    versions = missing(name, current(connection))
    for version, statements in versions:
        for statement in statements:
            db_server.execute(connection, statement)
        note(connection, version)
    print("database %s: %s" % (name, "migrated to %s" % VERSIONS[-1][0] if versions else "was up to date"))


def main():
    for name in db_server.databases():
        migrate(name)


if __name__ == "__main__":
    try:
        main()
    except (db_server.Refused, pymysql.MySQLError) as problem:
        sys.exit("db_sync failed: %s" % db_server.described(problem))
