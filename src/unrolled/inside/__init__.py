"""Look inside a model: what every cell did at every step, as one page of a browser."""
