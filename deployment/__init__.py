"""Runs Terraform over the synthesised stacks, on real AWS and on the rehearsal's emulator alike."""
