"""Repairs of findings, one module a rule: pure functions from a finding and the text of files to edits."""
