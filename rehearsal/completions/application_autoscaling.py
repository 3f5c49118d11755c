"""What moto lacks of Application Auto Scaling, or answers differently."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.completions._patching import Method, add, wrap


def application_autoscaling_tags() -> None:
    """AWS tags scalable targets, at registration and later; moto has no tag operation there and drops the tags.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
    """
    from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response
    from moto.core.exceptions import JsonRESTError

    def tags_of(response: Any, arn: str) -> dict[str, str]:
        targets = response.applicationautoscaling_backend.targets
        target = next((t for by_id in targets.values() for t in by_id.values() if t.arn == arn), None)
        if target is None:
            raise JsonRESTError("ResourceNotFoundException", f"no scalable target has the ARN {arn}")
        tags: dict[str, str] = vars(target).setdefault("tags", {})
        return tags

    def register(original: Method, self: Any) -> str:
        answer: str = original(self)
        tags_of(self, json.loads(answer)["ScalableTargetARN"]).update(self._get_param("Tags") or {})
        return answer

    def list_tags(self: Any) -> str:
        return json.dumps({"Tags": tags_of(self, self._get_param("ResourceARN"))})

    def tag(self: Any) -> str:
        tags_of(self, self._get_param("ResourceARN")).update(self._get_param("Tags"))
        return "{}"

    def untag(self: Any) -> str:
        tags = tags_of(self, self._get_param("ResourceARN"))
        for key in self._get_param("TagKeys"):
            tags.pop(key, None)
        return "{}"

    wrap(Response, "register_scalable_target", register)
    add(Response, list_tags_for_resource=list_tags, tag_resource=tag, untag_resource=untag)
