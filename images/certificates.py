"""The database certificates that the MLflow image can verify."""

from __future__ import annotations

import re
import ssl

from images.context import FOLDER

BUNDLE = FOLDER / "mlflow" / "rds-global-bundle.pem"
SOURCE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""Where Amazon publishes its own bundle, which has all regions."""


def covered_regions() -> frozenset[str]:
    """The AWS regions whose RDS root CA is in the image."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(BUNDLE)
    names = (re.search(r"Amazon RDS ([a-z0-9-]+) Root CA", str(ca["subject"])) for ca in context.get_ca_certs())
    return frozenset(name[1] for name in names if name)
