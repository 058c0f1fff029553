"""Reads YAML and TOML files into records, with lines and suggestions."""
