"""What moto lacks of KMS, or answers differently."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.completions._patching import Method, wrap


def kms_rotation_period() -> None:
    """AWS rotates a key every 365 days or at the period it was given, and tells which; moto only whether it rotates.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
    """
    from moto.kms.responses import KmsResponse

    def key_of(response: Any) -> Any:
        backend = response.kms_backend
        return backend.keys[backend.get_key_id(response._get_param("KeyId"))]

    def enable(original: Method, self: Any) -> Any:
        answer = original(self)
        key_of(self).rotation_period_in_days = self._get_param("RotationPeriodInDays") or 365
        return answer

    def status(original: Method, self: Any) -> str:
        answer = json.loads(original(self))
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = key_of(self).rotation_period_in_days
        return json.dumps(answer)

    wrap(KmsResponse, "enable_key_rotation", enable)
    wrap(KmsResponse, "get_key_rotation_status", status)
