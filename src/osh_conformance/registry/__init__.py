"""Container registries: the suite's own, upstream ones, and the images in them."""
