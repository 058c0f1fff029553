"""The live suite: what charts do on a cluster."""
