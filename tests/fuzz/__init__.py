"""Random PyTensor graphs, compiled by Gemmule and compared with PyTensor's Python linker.

`table` lists what graphs are made of, `generate` puts them together, `compare` runs them both ways,
`minimise` makes a failing one small. `python -m fuzz` (in `tests/`) runs many: `make fuzz`.
"""
