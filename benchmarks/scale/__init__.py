"""How many replicas one database serves: a simulation with measured times, for docs/scaling.md."""
