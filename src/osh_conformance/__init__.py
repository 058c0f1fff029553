"""A conformance suite for Helm charts that promise to run with any image under any container runtime."""

__version__ = "0.2.0"
