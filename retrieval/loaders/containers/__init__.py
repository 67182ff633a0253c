"""Loaders of files that hold files: archives and mails. Their members are read by the loaders of their own formats."""
