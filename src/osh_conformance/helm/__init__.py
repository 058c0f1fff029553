"""Driving the helm program, majors 3 and 4."""
