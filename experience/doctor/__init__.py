"""The checks of `sixplane doctor`.

`health` checks this machine (home folder, databases, encoder, corpora), `endpoint` an OpenAI-compatible server, `oci`
the services of OCI and `oracle` Oracle Database. With `--live`, `live` also asks OCI's models, and `oci_sinks` writes a
test entry to its telemetry services. `values` has the results, `remedies` the hints for OCI's refusals.
"""
