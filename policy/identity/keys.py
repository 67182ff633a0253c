"""API keys: created, shown once, stored as a hash.

A key is `sp_<id>_<secret>`. The secret has 256 random bits, so a plain SHA-256 is enough: a slow hash protects
passwords that people choose, and would slow down every request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from policy.identity.principal import Permission, Principal
from settings import Settings, checked_name
from settings.connections.sql import Database, JsonText
from settings.pools import FRONT
from state.access import EVERYBODY, is_name
from state.errors import BadInput, KeyMissing, Unauthenticated
from state.values import Value

Result = TypeVar("Result")

PREFIX = "sp_"
_KEY = re.compile(r"sp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = hashlib.sha256(b"").hexdigest()

metadata = sa.MetaData()
_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.String(12), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("principal", sa.String(64), nullable=False),
    sa.Column("roles", JsonText, nullable=False),
    sa.Column("audiences", JsonText, nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.String(40)),
    sa.Column("revoked_at", sa.String(40)),
)

_NAMED = sa.select(_keys).where(_keys.c.key_id == sa.bindparam("key"))


class ApiKey(Value):
    """A key without its secret. Times are ISO 8601 in UTC, `None` for never."""

    key_id: str
    tenant: str
    principal: str
    roles: tuple[Permission, ...]
    audiences: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    @property
    def lifetime(self) -> timedelta | None:
        """How long the key was to live when it was made, `None` for ever."""
        if self.expires_at is None:
            return None
        return datetime.fromisoformat(self.expires_at) - datetime.fromisoformat(self.created_at)

    def lives(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        expired = self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= now
        return self.revoked_at is None and not expired


class ApiKeys:
    """The API keys, in SQLite or Oracle Database; transactions run in worker threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        engine: sa.Engine | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._database = Database(settings, "keys.db", metadata, engine=engine)

    async def create(
        self,
        tenant: str,
        principal: str,
        roles: Sequence[Permission],
        *,
        audiences: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key; return it together with its text, which cannot be read again later.

        Raises:
            NameInvalid: tenant or principal is not a valid name.
            BadInput: an audience is not a valid name. The key would never match a document.
        """
        if not all(is_name(each) and each != EVERYBODY for each in audiences):
            raise BadInput(
                "an audience of the key is not a name", hint="name audiences; the role `admin` reads everything"
            )
        names = {"tenant": checked_name("tenant", tenant), "principal": checked_name("principal", principal)}
        rights = {"roles": tuple(dict.fromkeys(roles)), "audiences": tuple(audiences)}
        key, secret = self._new(lifetime, **names, **rights)
        await self._run(lambda connection: _insert(connection, key, secret))
        return key, _text(key, secret)

    async def rotate(self, key_id: str, *, overlap: timedelta, lifetime: timedelta | None = None) -> tuple[ApiKey, str]:
        """Create a successor of a key, and let the key expire after `overlap`; return the successor and its text.

        The successor has the same rights. It lives as long as the key was to live, unless `lifetime` is given.

        Raises:
            KeyMissing: there is no such key, or it is no longer valid.
        """
        return await self._run(lambda connection: self._rotated(connection, key_id, overlap, lifetime))

    def _rotated(
        self, connection: sa.Connection, key_id: str, overlap: timedelta, lifetime: timedelta | None
    ) -> tuple[ApiKey, str]:
        # Locked, where not the whole database is: a key that is being revoked must get no successor.
        row, now = connection.execute(_NAMED.with_for_update(), {"key": key_id}).mappings().first(), self._now()
        old = _key(row) if row else None
        if old is None or not old.lives(now):
            raise KeyMissing(f"there is no key {key_id!r} that could be rotated")
        rights = old.model_dump(include={"tenant", "principal", "roles", "audiences"})
        new, secret = self._new(lifetime or old.lifetime, **rights)
        _insert(connection, new, secret)
        ends = min(filter(None, (old.expires_at, (now + overlap).isoformat())), key=datetime.fromisoformat)
        connection.execute(_keys.update().where(_keys.c.key_id == key_id).values(expires_at=ends))
        return new, _text(new, secret)

    def _new(self, lifetime: timedelta | None, **rights: Any) -> tuple[ApiKey, str]:
        """Return a new key and its secret."""
        now = self._now()
        expires = (now + lifetime).isoformat() if lifetime else None
        times = {"created_at": now.isoformat(), "expires_at": expires, "revoked_at": None}
        return ApiKey(key_id=secrets.token_hex(6), **rights, **times), secrets.token_urlsafe(32)

    async def verify(self, text: str) -> Principal:
        """Return the principal of the key `text`. Raises `Unauthenticated`, always with the same message."""
        match = _KEY.fullmatch(text)
        if match is None:
            raise Unauthenticated("the API key is not valid")
        row = await self._stored(match[1])
        # An unknown key id compares against a fixed hash, in constant time: timing must not tell which ids exist.
        right = hmac.compare_digest(row["secret_hash"] if row else _NOBODY, _hashed(match[2]))
        key = _key(row) if row else None
        if key is None or not right or not key.lives(self._now()):
            raise Unauthenticated("the API key is not valid")
        return Principal(
            id=key.principal, tenant=key.tenant, roles=key.roles, audiences=key.audiences, method="api_key"
        )

    async def list(self, tenant: str | None = None) -> list[ApiKey]:
        """Return the keys of a tenant, or of all tenants, oldest first."""
        query = sa.select(_keys).order_by(_keys.c.created_at, _keys.c.key_id)
        query = query if tenant is None else query.where(_keys.c.tenant == tenant)
        return await self._read(lambda connection: [_key(row) for row in connection.execute(query).mappings()])

    async def revoke(self, key_id: str) -> None:
        """Revoke a key. It is refused from the next request on. Raises `KeyMissing`."""
        change = _keys.update().where(_keys.c.key_id == key_id, _keys.c.revoked_at.is_(None))
        values = {"revoked_at": self._now().isoformat()}
        changed = await self._run(lambda connection: connection.execute(change.values(**values)).rowcount)
        if not changed:
            raise KeyMissing(f"there is no key {key_id!r} that could be revoked")

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._database.close)

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await FRONT.run(self._database.write, work)

    async def _stored(self, key_id: str) -> Any:
        """Return the row of a key, or `None`. Every request needs one: see `settings.pools` for how it is read."""
        done = self._database.at_once(lambda connection: _row(connection, key_id), reads=True)
        return done[0] if done else await self._read(lambda connection: _row(connection, key_id))

    async def _read(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await FRONT.run(self._database.read, work)


def key_id_of(text: str) -> str | None:
    """Return the id of the key that `text` claims to be, `None` if it is no key."""
    match = _KEY.fullmatch(text)
    return match[1] if match else None


def _row(connection: sa.Connection, key_id: str) -> Any:
    return connection.execute(_NAMED, {"key": key_id}).mappings().first()


def _insert(connection: sa.Connection, key: ApiKey, secret: str) -> None:
    connection.execute(_keys.insert().values(**key.model_dump(mode="json"), secret_hash=_hashed(secret)))


def _text(key: ApiKey, secret: str) -> str:
    return f"{PREFIX}{key.key_id}_{secret}"


def _key(row: Any) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.model_fields})


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
