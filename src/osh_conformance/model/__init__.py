"""The records that everything else speaks in. Frozen; no input or output, no clock."""
