"""For reporters: how text from charts becomes harmless. The functions are in a layer that progress lines use too."""

from osh_conformance.plain import plain, plain_lines

__all__ = ["plain", "plain_lines"]
