"""The outputs for reviews, and the files for CI systems, judged by the programs of those systems."""
