"""The options of a run: the command line, the configuration file, deviations and opt-outs."""
