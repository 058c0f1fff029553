"""Acts on a cell: the steps of a scenario, its faults, its infrastructure."""
