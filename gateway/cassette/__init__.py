"""The cassette model (`cassette:NAME`): a chat model that answers one question with answers written by hand."""
