"""Terraform's plans, read: without secrets, by construct, down to the values that differ."""
