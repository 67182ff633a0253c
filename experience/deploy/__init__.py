"""`sixplane deploy`: makes, changes, shows and removes a stack on OCI. It blocks, and imports the OCI SDK when opened.

stack = opened(settings, "baseline")
check_stack(stack.stack)
plan = planned(stack.stack, look(stack.edge, stack.stack))
Applying(stack.edge, stack.stack, stack.patience, print).apply()
"""
