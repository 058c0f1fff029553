"""A chart as files: finding it, reading it, its values and its convention."""
