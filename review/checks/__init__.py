"""What a reviewer must see of a plan: rules in tables, and what is allowed."""
