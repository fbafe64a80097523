"""Policy texts: their grammar in ECR, and their evaluation. Nothing is stored here."""
