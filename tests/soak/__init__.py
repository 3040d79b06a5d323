"""Memory over time, under load: `make soak`."""
