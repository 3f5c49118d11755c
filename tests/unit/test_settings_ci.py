"""Who may plan and deploy in a continuous integration."""

from __future__ import annotations

import pytest

from settings import CiSettings
from tests.unit.settings_file import loaded, refusal

PROVIDER = "arn:aws:iam::012345678901:oidc-provider/token.actions.githubusercontent.com"
GITLAB = 'issuer = "https://gitlab.com"'
SUBJECTS = 'plan_subjects = ["project_path:g/n:ref_type:branch:ref:*"], deploy_subjects = ["project_path:g/n:x"]'


def ci(entry: str) -> CiSettings:
    found = loaded(f"ci = {{ {entry} }}").ci
    assert found is not None
    return found


def test_nobody_is_let_in_by_default() -> None:
    assert loaded("").ci is None


def test_pull_requests_and_the_main_branch_plan_and_jobs_in_the_environment_deploy() -> None:
    chosen = ci('repository = "octo-org/octo-repo"')
    assert chosen.who_plans() == ("repo:octo-org/octo-repo:pull_request", "repo:octo-org/octo-repo:ref:refs/heads/main")
    assert chosen.who_deploys("dev") == ("repo:octo-org/octo-repo:environment:dev",)
    assert (chosen.audience, chosen.oidc_provider_arn) == ("sts.amazonaws.com", None)


def test_a_repository_may_be_named_with_the_numbers_that_its_tokens_have() -> None:
    chosen = ci('repository = "octo-org@123456/octo-repo@456789", branch = "release/2.x"')
    assert chosen.who_plans()[1] == "repo:octo-org@123456/octo-repo@456789:ref:refs/heads/release/2.x"


def test_another_issuer_is_let_in_by_its_own_subjects() -> None:
    chosen = ci(f"{GITLAB}, {SUBJECTS}")
    assert chosen.who_plans() == ("project_path:g/n:ref_type:branch:ref:*",)
    assert chosen.who_deploys("dev") == ("project_path:g/n:x",)


def test_subjects_of_ones_own_take_the_place_of_those_of_the_repository() -> None:
    chosen = ci('repository = "o/n", plan_subjects = ["repo:o/n:environment:dev-plan"]')
    assert chosen.who_plans() == ("repo:o/n:environment:dev-plan",)
    assert chosen.who_deploys("dev") == ("repo:o/n:environment:dev",)


def test_accepts_the_provider_of_the_issuer_and_account() -> None:
    entry = f'account_id = "012345678901"\nci = {{ repository = "o/n", oidc_provider_arn = "{PROVIDER}" }}'
    chosen = loaded(entry).ci
    assert chosen is not None
    assert chosen.oidc_provider_arn == PROVIDER


@pytest.mark.parametrize(
    "repository",
    ["octo-repo", "a/b/c", "o/n@1", "o@1/n", "o/*", "*/n", "-o/n", "o/n:ref", "https://github.com/o/n", "o/", "o/n n"],
)
def test_refuses_what_is_no_repository(repository: str) -> None:
    message = refusal(f'ci = {{ repository = "{repository}" }}')
    assert message.startswith(f'dev.tfvars:1: ci.repository = "{repository}": set "owner/name", or with both numbers')


@pytest.mark.parametrize("branch", ["", "a..b", "a//b", ".a", "a/.b", "a.", "a/", "a b", "*", "v?", "a.lock", "a@{1}"])
def test_refuses_what_is_no_branch(branch: str) -> None:
    message = refusal(f'ci = {{ repository = "o/n", branch = "{branch}" }}')
    assert message.startswith(f'dev.tfvars:1: ci.branch = "{branch}": ')
    assert "set the name of a branch" in message


@pytest.mark.parametrize(
    ("entry", "key", "why"),
    [
        ("", "repository", "missing; set it, or both plan_subjects and deploy_subjects"),
        ('plan_subjects = ["repo:o/n:a"]', "repository", "missing; set it, or both plan_subjects and deploy_subjects"),
        (f'{GITLAB}, plan_subjects = ["a:b:c"]', "deploy_subjects", "set deploy_subjects"),
        (f'{GITLAB}, repository = "o/n", {SUBJECTS}', "repository", "says nothing of the tokens of https://gitlab.com"),
        (f'{GITLAB}, branch = "main", {SUBJECTS}', "branch", "is a branch of repository; set that, or remove branch"),
        (
            'repository = "o/n", oidc_provider_arn = "arn:aws:iam::012345678901:oidc-provider/gitlab.com"',
            "oidc_provider_arn",
            "its ARN ends with oidc-provider/token.actions.githubusercontent.com",
        ),
        ('repository = "o/n", plan_subjects = ["repo:o/*"]', "plan_subjects", "does not say which repository; name it"),
        ('repository = "o/n", plan_subjects = ["*"]', "plan_subjects", "does not say which repository; name it"),
        ('repository = "o/n", deploy_subjects = ["repo:o/n:*"]', "deploy_subjects", "said in full; write it out"),
        ('repository = "o/n", deploy_subjects = ["a", "a"]', "deploy_subjects", "listed more than once: a"),
        ('repository = "o/n", audience = "a b"', "audience", 'set an "aud" without spaces'),
        ('repository = "o/n", issuer = "http://x.example"', "issuer", "set the https URL of an issuer"),
        ('repository = "o/n", oidc_provider_arn = "github"', "oidc_provider_arn", "set the ARN of an OIDC provider"),
        ('repository = "o/n", role = "x"', "role", "there is no such key"),
    ],
)
def test_refuses_with_the_key_and_the_remedy(entry: str, key: str, why: str) -> None:
    message = refusal(f"ci = {{ {entry} }}")
    assert message.startswith(f"dev.tfvars:1: ci.{key}")
    assert why in message


def test_refuses_a_provider_of_another_account() -> None:
    entry = f'account_id = "111111111111"\nci = {{ repository = "o/n", oidc_provider_arn = "{PROVIDER}" }}'
    assert "ci.oidc_provider_arn" in refusal(entry)
    assert "account_id is 111111111111; set a provider of that account" in refusal(entry)


def test_refuses_a_state_that_runs_cannot_share() -> None:
    message = refusal('state = { backend = "local" }\nci = { repository = "o/n" }')
    assert message.startswith("dev.tfvars:2: ci = ")
    assert 'set state.backend = "s3", or remove ci' in message
