"""The data of a run: channels, frozen values, role schemas, errors, the evidence block and the report.

Import names from their module (`from state.values import Passage`). This package imports nothing itself, so that the
command line starts without loading LangChain.
"""
