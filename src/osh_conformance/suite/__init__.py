"""Which rules and scenarios for which subjects."""
