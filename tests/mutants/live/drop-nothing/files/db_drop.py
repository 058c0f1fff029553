"""Prints that the data is gone, and exits with 0, without a drop."""

print("gone: every database and account")
