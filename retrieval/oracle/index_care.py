"""The statements that build and tend the indexes of the corpora: `sixplane db optimize`, `sixplane doctor --deep`.

The vector index is not built with the tables: the centroids of an IVF index are computed when it is built, and those of
an empty table mean nothing. Without it a search is exact, and slower.
"""

from __future__ import annotations

from settings.connections.oracle_pool import checked_prefix
from settings.oracle import OracleSettings

_ORGANIZATIONS = {
    "hnsw": "ORGANIZATION INMEMORY NEIGHBOR GRAPH",
    "ivf": "ORGANIZATION NEIGHBOR PARTITIONS",
}

SAMPLED = 20
"""How many stored vectors `doctor --deep` asks with. A chosen value: each costs one exact scan of the table."""

DEPTH = 10
"""How many nearest passages are compared."""


OPTIMIZE_TEXT = "BEGIN CTX_DDL.OPTIMIZE_INDEX(:name, 'FULL'); END;"
"""FULL removes what deleted passages left, and compacts. REBUILD would need the privilege CREATE TRIGGER."""

STATISTICS = "BEGIN DBMS_STATS.GATHER_TABLE_STATS(SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA'), :name); END;"
"""The optimizer's statistics of one table."""


class IndexCare:
    """The statements for one table prefix."""

    def __init__(self, oracle: OracleSettings) -> None:
        self._oracle, self._prefix = oracle, checked_prefix(oracle)
        self.text, self.vector = f"{self._prefix}_PASSAGES_TX", f"{self._prefix}_PASSAGES_VX"
        passages, builds = f"{self._prefix}_PASSAGES", f"{self._prefix}_BUILDS"  # the prefix is checked
        self.count = f"SELECT COUNT(*) FROM {passages}"  # noqa: S608
        self.built = f"SELECT passages FROM {builds} WHERE index_name = :name"  # noqa: S608
        self.forget = f"DELETE FROM {builds} WHERE index_name = :name"  # noqa: S608
        self.record = f"INSERT INTO {builds} (index_name, passages) VALUES (:name, :passages)"  # noqa: S608
        self.drop_vector = f"DROP INDEX {self.vector}"
        self.sample = (
            f"SELECT p.embedding FROM {passages} p ORDER BY ORA_HASH(p.id), p.id FETCH FIRST {SAMPLED} ROWS ONLY"  # noqa: S608
        )
        nearest = f"SELECT p.id FROM {passages} p ORDER BY VECTOR_DISTANCE(p.embedding, :vector, COSINE)"  # noqa: S608
        self.exact = f"{nearest} FETCH EXACT FIRST {DEPTH} ROWS ONLY"
        self.approximate = (
            f"{nearest} FETCH APPROX FIRST {DEPTH} ROWS ONLY WITH TARGET ACCURACY {oracle.target_accuracy}"
        )

    def build_vector(self) -> str:
        """Return the statement that builds the configured vector index. `KeyError` if that is `none`."""
        return (
            f"CREATE VECTOR INDEX {self.vector} ON {self._prefix}_PASSAGES (embedding) "
            f"{_ORGANIZATIONS[self._oracle.vector_index]} DISTANCE COSINE "
            f"WITH TARGET ACCURACY {self._oracle.target_accuracy}"
        )

    def tables(self) -> list[str]:
        """Return the tables whose statistics searches need."""
        return [f"{self._prefix}_{name}" for name in ("CORPORA", "DOCUMENTS", "PASSAGES")]

    def due(self, passages: int, built: int | None, condition: str | None) -> str | None:
        """Return why the vector index has to be built, or `None`.

        Args:
            passages: how many there are now.
            built: how many there were when the index was built, `None` if there is no index or nobody noted it.
            condition: the status of an index that cannot be used.
        """
        if self._oracle.vector_index == "none" or not passages:
            return None
        if condition is not None:
            return f"its status is {condition}"
        if built is None:
            return "it was not built yet"
        if passages - built >= built * self._oracle.vector_rebuild_share:
            return f"{passages:,} passages now, {built:,} when it was built"
        return None
