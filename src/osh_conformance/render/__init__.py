"""Renders charts with Helm, in worker processes, and finds every container in the result."""
