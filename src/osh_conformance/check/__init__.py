"""The static engine: targets and rules in, verdicts out."""
