"""`sixplane deploy`: stacks on the local OCI."""
