"""Training of the classifier: the examples, and the fit. Nothing here runs in the service: see `policy.train`."""
