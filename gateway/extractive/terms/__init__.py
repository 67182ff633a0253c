"""Words and kinds of questions: spelling, and what a question asks for."""
