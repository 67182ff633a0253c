"""The extractive model: a chat model without weights that answers with verbatim sentences of the evidence."""
