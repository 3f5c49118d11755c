"""What moto lacks of SageMaker Studio, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, add, wrap


def sagemaker_domains_are_created_with_their_id() -> None:
    """AWS answers with a new Studio domain's id as well, which Terraform then asks for; moto with its ARN and URL only.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateDomain.html
    """
    from moto.sagemaker.models import SageMakerModelBackend

    def create(original: Method, self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        return {**answer, "DomainId": answer["DomainArn"].rpartition("/")[2]}

    wrap(SageMakerModelBackend, "create_domain", create)


def sagemaker_domains_that_are_gone_are_not_found() -> None:
    """AWS does not find a Studio domain that is gone (ResourceNotFound), as Terraform expects; to moto it is invalid.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeDomain.html
    """
    from moto.sagemaker.exceptions import ResourceNotFound
    from moto.sagemaker.models import SageMakerModelBackend

    def check(original: Method, self: Any, domain_id: str, *args: Any, **kwargs: Any) -> Any:
        if domain_id not in self.domains:
            raise ResourceNotFound(message=f"Domain {domain_id} does not exist.")
        return original(self, domain_id, *args, **kwargs)

    wrap(SageMakerModelBackend, "describe_domain", check)
    wrap(SageMakerModelBackend, "delete_domain", check)


def sagemaker_domains_say_whether_they_propagate_tags() -> None:
    """AWS describes a Studio domain with whether its tags go over to apps, by default not; moto drops that.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeDomain.html
    """
    from moto.sagemaker.models import Domain
    from moto.sagemaker.responses import SageMakerResponse

    def create(original: Method, self: Any) -> Any:
        answer = original(self)
        domain = self.sagemaker_backend.domains[answer.result["DomainId"]]
        domain.tag_propagation = self._get_param("TagPropagation")
        return answer

    def describe(original: Method, self: Any) -> Any:
        return {**original(self), "TagPropagation": getattr(self, "tag_propagation", None) or "DISABLED"}

    wrap(SageMakerResponse, "create_domain", create)
    wrap(Domain, "describe", describe)


def sagemaker_domains_in_use_stay() -> None:
    """AWS refuses to delete a Studio domain that has user profiles; moto, which has none, deletes it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/gs-studio-delete-domain.html
    """
    from moto.sagemaker.exceptions import ResourceInUseException
    from moto.sagemaker.models import SageMakerModelBackend

    def delete(original: Method, self: Any, domain_id: str, retention_policy: Any = None) -> Any:
        if any(profile["DomainId"] == domain_id for profile in _user_profiles(self).values()):
            raise ResourceInUseException(message=f"Unable to delete Domain {domain_id}: it has user profiles.")
        return original(self, domain_id, retention_policy)

    wrap(SageMakerModelBackend, "delete_domain", delete)


def sagemaker_user_profiles() -> None:
    """AWS keeps user profiles in a Studio domain, by their names; moto lacks all their operations.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html
    """
    from moto.core.responses import ActionResult, EmptyResult
    from moto.core.utils import utcnow
    from moto.sagemaker.exceptions import ResourceInUseException
    from moto.sagemaker.models import SageMakerModelBackend
    from moto.sagemaker.responses import SageMakerResponse
    from moto.sagemaker.utils import arn_formatter

    def create(self: Any) -> Any:
        backend, (domain, name) = self.sagemaker_backend, _asked_for(self)
        backend.describe_domain(domain)  # raises if it does not exist
        if f"{domain}/{name}" in _user_profiles(backend):
            raise ResourceInUseException(message=f"User Profile {name} already exists in Domain {domain}.")
        arn = arn_formatter("user-profile", f"{domain}/{name}", backend.account_id, backend.region_name)
        _user_profiles(backend)[f"{domain}/{name}"] = {
            "DomainId": domain,
            "UserProfileArn": arn,
            "UserProfileName": name,
            "HomeEfsFileSystemUid": "200005",
            "Status": "InService",
            "CreationTime": utcnow(),
            "LastModifiedTime": utcnow(),
            "UserSettings": self._get_param("UserSettings") or {},
            "Tags": self._get_param("Tags") or [],
        }
        return ActionResult({"UserProfileArn": arn})

    def describe(self: Any) -> Any:
        return ActionResult({key: value for key, value in _found(self).items() if key != "Tags"})

    def update(self: Any) -> Any:
        profile = _found(self)
        profile["UserSettings"] = {**profile["UserSettings"], **(self._get_param("UserSettings") or {})}
        return ActionResult({"UserProfileArn": profile["UserProfileArn"]})

    def delete(self: Any) -> Any:
        _found(self)
        del _user_profiles(self.sagemaker_backend)["/".join(_asked_for(self))]
        return EmptyResult()

    def find(original: Method, self: Any, arn: str) -> Any:
        kind, _, key = arn.rpartition(":")[2].partition("/")
        return _Tagged(_user_profiles(self)[key]) if kind == "user-profile" else original(self, arn)

    wrap(SageMakerModelBackend, "_get_resource_from_arn", find)
    add(
        SageMakerResponse,
        create_user_profile=create,
        describe_user_profile=describe,
        update_user_profile=update,
        delete_user_profile=delete,
    )


class _Tagged:
    """A user profile as moto's operations on tags want a resource."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self._profile = profile

    @property
    def tags(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._profile["Tags"]
        return found

    @tags.setter
    def tags(self, tags: list[dict[str, str]]) -> None:
        self._profile["Tags"] = tags


def _user_profiles(backend: Any) -> dict[str, dict[str, Any]]:
    """The profiles of *backend* by domain and name, on the backend itself, so that they go with it."""
    found: dict[str, dict[str, Any]] = vars(backend).setdefault("user_profiles", {})
    return found


def _asked_for(response: Any) -> tuple[str, str]:
    return response._get_param("DomainId"), response._get_param("UserProfileName")


def _found(response: Any) -> dict[str, Any]:
    from moto.sagemaker.exceptions import ResourceNotFound

    domain, name = _asked_for(response)
    profile = _user_profiles(response.sagemaker_backend).get(f"{domain}/{name}")
    if profile is None:
        raise ResourceNotFound(message=f"User Profile {name} does not exist in Domain {domain}.")
    return profile
