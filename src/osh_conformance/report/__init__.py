"""Reporters: each turns the events of a run into one form of output."""
