"""Says that all is gone, and has asked nobody."""

print("gone: every database and account")
