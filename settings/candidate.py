"""The settings as they will be once a new settings file is written."""

from __future__ import annotations

from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from settings.tree import Settings, loaded


def settings_with(file: dict[str, Any]) -> Settings:
    """Return the settings with `file` in place of `sixplane.toml`, which is not read.

    Raises:
        SettingsInvalid: as `load_settings`.
    """
    return loaded(_WithFile, file)


class _WithFile(Settings):
    """The environment goes before what is given, as it goes before a file."""

    model_config = SettingsConfigDict(toml_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (fixed by pydantic-settings)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
