"""The registry as a whole: its settings, policy, credentials and templates."""
