"""The live engine: opens a cluster with everything that cells need, and runs cells on it."""
