from __future__ import annotations

from constructs_lib.oidc_provider import ExistingOidcProvider, OidcProvider
from tests.unit.synthesis import Workbench

ARN = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com/group"


def test_a_provider_is_made_for_one_audience_and_trusts_no_thumbprint(stack: Workbench) -> None:
    provider = OidcProvider(stack, "provider", issuer="https://tokens.example.com", audience="sts.amazonaws.com")
    made = stack.synthesise().one("aws_iam_openid_connect_provider")

    assert made == {"url": "https://tokens.example.com", "client_id_list": ["sts.amazonaws.com"]}
    assert provider.host == "tokens.example.com"


def test_an_issuer_with_a_slash_at_its_end_has_condition_keys_without(stack: Workbench) -> None:
    provider = OidcProvider(stack, "provider", issuer="https://tokens.example.com/", audience="a")
    assert provider.host == "tokens.example.com"


def test_an_existing_provider_says_by_its_arn_whose_tokens_it_takes() -> None:
    assert ExistingOidcProvider(ARN).host == "gitlab.example.com/group"
