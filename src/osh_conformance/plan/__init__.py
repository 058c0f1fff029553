"""Which cells a live run has, how long they take, and why others are left out. Needs no cluster."""
