"""Providing a run with tools, Docker and images; and removing what runs left behind."""
