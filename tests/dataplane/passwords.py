"""The passwords of users, as docs/access.md says they are made."""

from __future__ import annotations

import subprocess


def password_of(name: str, first_password: str) -> str:
    """That of the user *name*, by the means of a shell, which are not those of what checks it."""
    command = ["sha256sum", "--binary"]
    done = subprocess.run(command, input=f"{name}:{first_password}".encode(), capture_output=True, check=True)
    return done.stdout.decode().split()[0]
