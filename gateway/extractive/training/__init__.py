"""What only the training of the ranker needs: examples from recorded questions, and the fit."""
