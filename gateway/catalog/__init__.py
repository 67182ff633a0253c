"""The model catalogue: which models exist, what they can do and cost, and until when and where they answer."""

from __future__ import annotations

from gateway.catalog.catalog import Catalog
from gateway.catalog.entries import Mode, ModelEntry, Surface, Tier, Unit
from gateway.catalog.loading import catalog_of, load_catalog
from gateway.catalog.search_units import search_units

__all__ = ["Catalog", "Mode", "ModelEntry", "Surface", "Tier", "Unit", "catalog_of", "load_catalog", "search_units"]
