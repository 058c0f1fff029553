"""The records that all other packages exchange. They are frozen, and do no input or output."""
