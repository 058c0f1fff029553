"""Nothing: the plugin does the work."""
