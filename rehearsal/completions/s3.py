"""What moto lacks of S3, or answers differently."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.completions._patching import Method, add, wrap

_S3_SUBRESOURCES_UNKNOWN_TO_MOTO = {
    "abac",
    "analytics",
    "intelligent-tiering",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "requestPayment",
    "session",
}


def s3_bucket_subresources() -> None:
    """AWS says who pays for a bucket's requests, which Terraform asks of every bucket; moto does not know.

    It takes a request for a subresource that it does not know for one to the bucket itself: a GET lists it, a PUT
    creates it, a DELETE deletes it. So any other unknown subresource is refused here.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
    """
    from moto.s3.responses import S3Response

    def dispatch(original: Method, self: Any, request: Any, full_url: str) -> Any:
        match request.method, *_S3_SUBRESOURCES_UNKNOWN_TO_MOTO.intersection(request.args):
            case [_]:
                return original(self, request, full_url)
            case ["GET", "requestPayment"]:
                self.backend.get_bucket(self.bucket_name)
                return "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
            case [_, *subresources]:
                raise NotImplementedError(f"moto does not know the subresource {subresources[0]}")

    wrap(S3Response, "_bucket_response", dispatch)


def s3_conditional_denials_do_not_deny_everything() -> None:
    """AWS denies what meets a Deny statement's condition, e.g. a request without TLS; moto denies every request.

    moto knows nothing of what conditions ask about, and the emulator speaks HTTP where AWS would speak TLS: denials
    with a condition are stored and not enforced.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
    """
    from moto.iam.access_control import IAMPolicy
    from moto.s3.models import FakeBucket

    def permission(original: Method, self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return original(self, action, resource)
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        enforced = [s for s in statements if not (s["Effect"] == "Deny" and s.get("Condition"))]
        return IAMPolicy(json.dumps({**policy, "Statement": enforced})).is_action_permitted(action, resource)

    wrap(FakeBucket, "get_permission", permission)


def s3_delete_markers_can_be_deleted() -> None:
    """AWS deletes a delete marker like any version of an object; moto, once versioning is suspended, fails on it.

    That is what emptying a bucket comes to on destroy: Terraform suspends versioning first. (moto then drops all
    versions with the first, which here makes no difference.)
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManagingDelMarkers.html
    """
    from moto.s3.models import FakeDeleteMarker

    def dispose(_marker: Any, garbage: bool = False) -> None:
        """A marker has no content to let go of."""

    add(FakeDeleteMarker, dispose=dispose)
