"""The report on a plan, in all its forms."""
