"""Applies repairs: chooses those that hold, writes files whole or not at all, prints a diff."""
