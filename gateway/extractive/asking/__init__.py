"""What is asked: noun phrases of a question, what a follow-up refers to, and the sides of a comparison."""
