"""What is done to a corpus beside ingesting: documents are removed, and those of earlier releases taken over."""
