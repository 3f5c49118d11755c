"""As in test_completions.py, for SageMaker Studio."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import Emulator
from rehearsal.inventory import leftovers

ROLE = "arn:aws:iam::123456789012:role/notebook"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def sagemaker(emulator: Emulator) -> Any:
    return emulator.client("sagemaker")


@pytest.fixture
def profile(sagemaker: Any) -> Iterator[dict[str, str]]:
    """A user profile in a domain, both gone in the end."""
    domain = sagemaker.create_domain(
        DomainName="studio", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": ROLE}, VpcId="vpc-1", SubnetIds=["a"]
    )
    named = {"DomainId": domain["DomainId"], "UserProfileName": "team"}
    sagemaker.create_user_profile(**named, UserSettings={"ExecutionRole": ROLE}, Tags=[{"Key": "a", "Value": "1"}])
    yield named
    sagemaker.delete_user_profile(**named)
    sagemaker.delete_domain(DomainId=domain["DomainId"])


def test_a_user_profile_is_described_as_it_was_created_and_updated(sagemaker: Any, profile: dict[str, str]) -> None:
    before = sagemaker.describe_user_profile(**profile)
    assert (before["Status"], before["UserSettings"]) == ("InService", {"ExecutionRole": ROLE})

    sagemaker.update_user_profile(**profile, UserSettings={"SecurityGroups": ["sg-1"]})
    after = sagemaker.describe_user_profile(**profile)
    assert after["UserSettings"] == {"ExecutionRole": ROLE, "SecurityGroups": ["sg-1"]}
    assert after["UserProfileArn"] == before["UserProfileArn"]
    assert after["UserProfileArn"].endswith(f":user-profile/{profile['DomainId']}/team")


def test_a_user_profile_has_tags(sagemaker: Any, profile: dict[str, str]) -> None:
    arn = sagemaker.describe_user_profile(**profile)["UserProfileArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_name_is_one_user_profiles_in_its_domain(sagemaker: Any, profile: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="already exists") as refusal:
        sagemaker.create_user_profile(**profile)
    assert refusal.value.response["Error"]["Code"] == "ResourceInUse"


@pytest.mark.usefixtures("profile")
@pytest.mark.parametrize("operation", ["describe_user_profile", "update_user_profile", "delete_user_profile"])
def test_a_user_profile_that_is_not_there_is_not_found(sagemaker: Any, operation: str) -> None:
    with pytest.raises(ClientError, match="does not exist in Domain") as refusal:
        getattr(sagemaker, operation)(DomainId="d-studio", UserProfileName="nobody")
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize("operation", ["describe_domain", "delete_domain"])
def test_a_domain_that_is_gone_is_not_found(sagemaker: Any, operation: str) -> None:
    with pytest.raises(ClientError, match="d-gone does not exist") as refusal:
        getattr(sagemaker, operation)(DomainId="d-gone")
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize(("given", "told"), [({}, "DISABLED"), ({"TagPropagation": "ENABLED"}, "ENABLED")])
def test_a_domain_says_whether_it_propagates_its_tags(sagemaker: Any, given: dict[str, str], told: str) -> None:
    arguments = {"AuthMode": "IAM", "DefaultUserSettings": {}, "VpcId": "vpc-1", "SubnetIds": ["a"], **given}
    domain = sagemaker.create_domain(DomainName="tags", **arguments)["DomainId"]
    assert sagemaker.describe_domain(DomainId=domain)["TagPropagation"] == told
    sagemaker.delete_domain(DomainId=domain)


def test_a_domain_with_user_profiles_stays(sagemaker: Any, profile: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="it has user profiles") as refusal:
        sagemaker.delete_domain(DomainId=profile["DomainId"])
    assert refusal.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_user_profile_that_stays_is_a_leftover(emulator: Emulator, sagemaker: Any) -> None:
    sagemaker.create_domain(DomainName="left", AuthMode="IAM", DefaultUserSettings={}, VpcId="vpc-1", SubnetIds=["a"])
    before = emulator.inventory()
    sagemaker.create_user_profile(DomainId="d-left", UserProfileName="team")
    assert [item.key for item in leftovers(before, emulator.inventory())] == ["d-left/team"]
    sagemaker.delete_user_profile(DomainId="d-left", UserProfileName="team")
    assert leftovers(before, emulator.inventory()) == []
    sagemaker.delete_domain(DomainId="d-left")
