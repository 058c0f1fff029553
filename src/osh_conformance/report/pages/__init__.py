"""Pages of docs/ that are generated from rules and records."""
