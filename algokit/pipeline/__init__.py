"""The work, driven by a plan: extract, fit, ensemble, run. Knows no console and no container."""
