"""The programs that render a chart."""
