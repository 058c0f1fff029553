"""Drops nothing, because nothing is in the configuration of db_init."""

print("gone: every database and account")
