"""The extractive model: a chat model without weights that answers with verbatim sentences from the evidence."""
