"""Packages of open standards: OpenDocument (ODT, ODS, ODP) and EPUB."""
