"""The page for people at `/`: HTML that the server renders, over the same desk as the API.

`create_site` puts it in front of the HTTP API; the setting `server.page` switches it off.
"""

from __future__ import annotations

from experience.page.site import create_site, serve_site

__all__ = ["create_site", "serve_site"]
