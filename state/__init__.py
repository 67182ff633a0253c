"""What flows: typed channels, frozen values, role schemas, errors, the evidence block and the report.

Names are imported from their module (`from state.values import Passage`); this package imports nothing itself, so
that the command line starts without LangChain.
"""
