"""Policy texts: what ECR accepts, and what the accepted text means. Nothing is stored here."""
