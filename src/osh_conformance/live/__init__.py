"""The live engine: a cluster with all that cells need, and the running of cells on it."""
