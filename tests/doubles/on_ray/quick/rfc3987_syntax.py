"""Takes the place of a package that `jsonschema` imports where it is installed, as beside Jupyter.

It builds a grammar on import, which is half of what `import ray` takes, in each of Ray's processes.
"""

raise ImportError(__name__)
