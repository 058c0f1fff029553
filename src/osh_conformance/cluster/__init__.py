"""The cluster of a run: one that kind makes and this suite owns, or an existing one."""
