"""Every stack's whole life against an emulated AWS: apply, plan again, destroy, look for leftovers."""
