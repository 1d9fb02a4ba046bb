"""The demo: what the package does, on data that comes with it, in under 90 seconds on two cores."""
