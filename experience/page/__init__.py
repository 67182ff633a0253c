"""The page for people at `/`: HTML that the server renders, over the same desk as the API.

`site` puts it in front of the HTTP API, and `front` in front of what takes the connections; the setting `server.page`
switches it off. Import names from their module: the process that takes connections must not load the other's.
"""
