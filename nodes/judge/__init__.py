"""The judge of a draft's claims: code decides what it can, a model the rest."""
