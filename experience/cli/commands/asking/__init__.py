"""Commands that ask: one question, a file of them, an evaluation; and what becomes of their threads and reports."""
