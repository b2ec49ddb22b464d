"""What changed between two finished runs, told from their records alone."""
