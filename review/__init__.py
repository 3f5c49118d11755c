"""The review of a plan: what changes, what is lost, what stops meanwhile, what it costs, and a picture of it."""
