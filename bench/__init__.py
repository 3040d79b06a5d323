"""Benchmarks against PyTensor's other backends. See `python -m bench -h`."""
