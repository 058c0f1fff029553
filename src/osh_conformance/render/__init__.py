"""Charts in, containers out: reading a chart, rendering it, and finding every container that it renders."""
