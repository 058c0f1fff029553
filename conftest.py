"""Almost nothing: the plugin does the work."""

from __future__ import annotations

pytest_plugins = ("pytester",)
