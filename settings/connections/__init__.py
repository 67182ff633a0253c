"""Connections that settings describe: OCI sessions and clients, Oracle's pool, SQL engines, and their error tables."""
