"""What `sixplane doctor` checks: the home folder, the model endpoint, OCI, Oracle Database."""
