"""The rules: pure functions from what was rendered or observed to a verdict."""
