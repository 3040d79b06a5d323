"""Writes the file of a PyMC model: `python export_model.py eight_schools.gemmule`."""

import sys

import numpy as np
import pymc as pm

import gemmule

effects = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
errors = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

with pm.Model() as eight_schools:
    mu = pm.Normal("mu", 0, 5)
    tau = pm.HalfNormal("tau", 5)
    z = pm.Normal("z", shape=8)
    theta = pm.Deterministic("theta", mu + tau * z)
    pm.Normal("y", theta, errors, observed=effects)

gemmule.export(eight_schools, sys.argv[1])
