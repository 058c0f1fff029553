"""Container registries: the run's own and public ones, and the images in them."""
