"""The cluster of a run: a kind cluster that the suite creates and owns, or an existing one."""
