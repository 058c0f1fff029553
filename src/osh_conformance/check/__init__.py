"""The static engine: renders charts and checks them by rules, without a cluster."""
