"""The HTTP API: FastAPI routes over the service core. Needs the extra `server`.

`app` is what works, and `front` what takes the connections; `worker` is how the two processes of a server speak to each
other. Import names from their module: the process that takes connections must not load the other's.
"""
