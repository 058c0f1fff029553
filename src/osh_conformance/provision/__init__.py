"""Providing what a run needs: tools, an engine, images; and removing what runs left."""
