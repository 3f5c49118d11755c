"""What the endpoint's container runs: it loads the model. The image itself reads requests and writes answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib


def model_fn(model_dir: str) -> Any:
    """The model in *model_dir*, where the container has unpacked ``model.tar.gz``."""
    return joblib.load(Path(model_dir) / "model.joblib")
