"""The constructs of the platform, one per file; each is usable on its own in any CDKTF stack.

Importing this package prepares the fast import of the AWS bindings (see ``fast_bindings``), so it comes before any
``cdktf`` import.
"""

from constructs_lib import fast_bindings

fast_bindings.install()
