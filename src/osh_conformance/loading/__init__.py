"""Reads YAML and TOML files into records; errors have lines and suggestions."""
