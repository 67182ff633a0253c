"""Documents at addresses: files over HTTP(S), and objects of OCI Object Storage.

Each is brought into a temporary folder, read as a file is, and named by its address.
"""
