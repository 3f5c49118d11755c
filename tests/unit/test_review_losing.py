"""What is lost, unprotected or less encrypted by a plan."""

from __future__ import annotations

import pytest

from review.checks.tables import GUARDS, STATEFUL
from review.checks.weakenings import WEAKENINGS, weakened
from review.model import Verdict
from review.plan import review_plans
from tests.review.plans import (
    STACK,
    TODAY,
    Json,
    at,
    change,
    configuration,
    created,
    destroyed,
    kept,
    only,
    plan,
    replaced,
    review,
    rules,
    updated,
)


@pytest.mark.parametrize("type", STATEFUL)
def test_destroying_what_holds_data_is_dangerous(type: str) -> None:
    found = review(destroyed(f"{type}.a", id="a"))
    assert rules(found) == ["data-lost"]
    assert found.findings[0].verdict is Verdict.DANGEROUS
    assert "is destroyed: " in found.findings[0].what


@pytest.mark.parametrize("type", STATEFUL)
def test_replacing_what_holds_data_is_dangerous_and_says_what_forces_it(type: str) -> None:
    found = review(replaced(f"{type}.a", {"label": "x"}, {"label": "y"}, "label"))
    assert rules(found) == ["data-lost"]
    assert "made anew without what was in it (`label` cannot be changed in place)" in found.findings[0].what


@pytest.mark.parametrize("actions", [["forget"], ["create", "forget"]])
def test_what_is_only_forgotten_needs_a_look(actions: list[str]) -> None:
    found = review(change("aws_s3_bucket.a", actions, {"id": "a"}, {"id": "b"} if len(actions) > 1 else None))
    assert rules(found) == ["forgotten"]
    assert "with the data in it" in found.findings[0].what


@pytest.mark.parametrize(
    ("type", "before", "words"),
    [
        ("aws_rds_cluster", {"skip_final_snapshot": True}, "No last snapshot is taken."),
        ("aws_rds_cluster", {"skip_final_snapshot": False}, "A last snapshot stays."),
        ("aws_s3_bucket", {"force_destroy": True}, "It is emptied first."),
        ("aws_s3_bucket", {"force_destroy": False}, "AWS refuses while anything is in it"),
        ("aws_secretsmanager_secret", {"recovery_window_in_days": 0}, "It cannot be restored."),
        ("aws_sagemaker_domain", {"retention_policy": [{"home_efs_file_system": "Delete"}]}, "Their files go with it."),
    ],
)
def test_a_loss_says_what_the_settings_make_of_it(type: str, before: Json, words: str) -> None:
    assert words in review(destroyed(f"{type}.a", **before)).findings[0].what


def test_changing_what_holds_data_needs_a_look_but_its_tags_do_not() -> None:
    changed = review(updated("aws_rds_cluster.a", {"port": 1}, {"port": 2}))
    assert rules(changed) == ["data-changed"]
    assert changed.findings[0].what == "Of the database cluster, `port` changes from `1` to `2`."
    assert review(updated("aws_rds_cluster.a", {"tags": {"a": "1"}}, {"tags": {"a": "2"}})).findings == ()


def test_what_a_construct_loses_beside_its_data_is_told_with_the_data() -> None:
    before = configuration(
        aws_s3_bucket__files=at("files/Resource"), aws_s3_bucket_policy__files_policy=at("files/policy")
    )
    found = review(
        destroyed("aws_s3_bucket.files", id="f"),
        destroyed("aws_s3_bucket_ownership_controls.files_ownership", bucket="f"),
        destroyed("aws_s3_bucket_lifecycle_configuration.files_lifecycle", bucket="f"),
        before=before,
    )
    assert rules(found) == ["data-lost"]
    assert found.findings[0].what.endswith("With it go 2 other resources.")


def test_other_things_that_go_are_told_by_construct() -> None:
    before = configuration(
        aws_nat_gateway__network_nat_0=at("network/nat-0"), aws_nat_gateway__network_nat_1=at("network/nat-1")
    )
    found = review(
        destroyed("aws_nat_gateway.network_nat_0"),
        destroyed("aws_nat_gateway.network_nat_1"),
        destroyed("aws_eip.other"),
        before=before,
    )
    assert [each.what for each in found.findings] == [
        "`aws_nat_gateway.network_nat_0`, `aws_nat_gateway.network_nat_1` are destroyed.",
        "`aws_eip.other` is destroyed.",
    ]


def test_a_stack_that_goes_whole_is_one_finding_beside_its_data() -> None:
    whole = plan(destroyed("aws_eip.a"), destroyed("aws_iam_role.b"), destroyed("aws_s3_bucket.c"))
    found = review_plans({STACK: whole}, {}, today=TODAY)
    assert rules(found) == ["data-lost", "destroyed"]
    assert only(found, "destroyed").what == f"Nothing of {STACK} stays: 2 more resources are destroyed."


def test_what_is_replaced_for_another_is_told_with_that_one() -> None:
    configured = configuration(
        aws_lb__front=at("front/Resource", name="b"),
        aws_lb_listener__front_listener=at("front/listener", load_balancer_arn="${aws_lb.front.arn}"),
        aws_lb_listener_rule__front_rule=at("rules", listener_arn="${aws_lb_listener.front_listener.arn}"),
    )
    found = review(
        replaced("aws_lb.front", {"name": "a"}, {"name": "b", "internal": True}, "name"),
        replaced(
            "aws_lb_listener.front_listener",
            {"load_balancer_arn": "a"},
            {},
            "load_balancer_arn",
            after_unknown={"load_balancer_arn": True},
        ),
        replaced(
            "aws_lb_listener_rule.front_rule",
            {"listener_arn": "a"},
            {},
            "listener_arn",
            after_unknown={"listener_arn": True},
        ),
        configured=configured,
    )
    assert rules(found) == ["replaced"]
    assert found.findings[0].what == (
        "`aws_lb.front` is replaced (`name` cannot be changed in place). With it go 2 other resources."
    )


def test_a_tainted_resource_says_that_an_apply_stopped_half_way() -> None:
    entry = change("aws_eip.a", ["delete", "create"], {}, {}, action_reason="replace_because_tainted")
    assert "an earlier apply left it half made" in review(entry).findings[0].what


@pytest.mark.parametrize("type", ["aws_ecs_task_definition", "terraform_data", "aws_s3_object"])
def test_what_is_replaced_as_a_matter_of_course_is_safe(type: str) -> None:
    assert review(replaced(f"{type}.a", {"x": 1}, {"x": 2}, "x")).findings == ()


def test_new_passwords_are_one_finding_and_not_a_line_for_each_secret() -> None:
    found = review(
        replaced(
            "aws_secretsmanager_secret_version.a",
            {"secret_string_wo_version": 1},
            {"secret_string_wo_version": 2},
            "secret_string_wo_version",
        ),
        updated("aws_rds_cluster.b", {"master_password_wo_version": 1}, {"master_password_wo_version": 2}),
    )
    assert rules(found) == ["passwords-rotated"]


def test_new_secrets_are_no_rotation() -> None:
    found = review(created("aws_secretsmanager_secret_version.a", secret_string_wo_version=1))
    assert found.findings == ()


@pytest.mark.parametrize("type", GUARDS)
def test_taking_a_guard_away_is_dangerous_unless_what_it_guards_goes_too(type: str) -> None:
    guard = GUARDS[type]
    taken = destroyed(f"{type}.a", id="other", **({guard.of: "ward-1"} if guard.of else {}))
    assert rules(review(taken), Verdict.DANGEROUS) == [guard.rule]
    if guard.ward:
        both = review(taken, destroyed(f"{guard.ward}.b", id="ward-1", arn="ward-1"))
        assert guard.rule not in rules(both)


def test_prevent_destroy_that_the_base_had_is_missed_though_no_plan_shows_it() -> None:
    locked = configuration(aws_kms_key__key=at("key/Resource", lifecycle={"prevent_destroy": True}))
    free = configuration(aws_kms_key__key=at("key/Resource", lifecycle={"prevent_destroy": False}))
    found = review(kept("aws_kms_key.key"), configured=free, before=locked)
    assert rules(found) == ["protection-off"]
    assert found.findings[0].address.construct == "key"
    assert review(kept("aws_kms_key.key"), configured=locked, before=locked).findings == ()
    assert review(kept("aws_kms_key.key"), configured=free, before=free).findings == ()
    assert review(kept("aws_kms_key.key"), configured=free).findings == ()


# One example for each row of the table: type, before (None: new), after.
EXAMPLES: list[tuple[str, Json | None, Json]] = [
    ("aws_rds_cluster", {"deletion_protection": True}, {"deletion_protection": False}),
    ("aws_cognito_user_pool", {"deletion_protection": "ACTIVE"}, {"deletion_protection": "INACTIVE"}),
    ("aws_dynamodb_table", {"deletion_protection_enabled": True}, {}),
    ("aws_lb", {"enable_deletion_protection": True}, {"enable_deletion_protection": False}),
    ("aws_s3_bucket", {"force_destroy": False}, {"force_destroy": True}),
    ("aws_ecr_repository", {"force_delete": None}, {"force_delete": True}),
    ("aws_rds_cluster", {"skip_final_snapshot": False}, {"skip_final_snapshot": True}),
    ("aws_rds_cluster", {"backup_retention_period": 7}, {"backup_retention_period": 1}),
    ("aws_rds_cluster", {"delete_automated_backups": False}, {"delete_automated_backups": True}),
    ("aws_secretsmanager_secret", {"recovery_window_in_days": 30}, {"recovery_window_in_days": 0}),
    ("aws_kms_key", {"deletion_window_in_days": 30}, {"deletion_window_in_days": 7}),
    (
        "aws_s3_bucket_versioning",
        {"versioning_configuration": [{"status": "Enabled"}]},
        {"versioning_configuration": [{"status": "Suspended"}]},
    ),
    (
        "aws_dynamodb_table",
        {"point_in_time_recovery": [{"enabled": True}]},
        {"point_in_time_recovery": [{"enabled": False}]},
    ),
    ("aws_ecr_repository", {"image_tag_mutability": "IMMUTABLE"}, {"image_tag_mutability": "MUTABLE"}),
    (
        "aws_sagemaker_domain",
        {"retention_policy": [{"home_efs_file_system": "Retain"}]},
        {"retention_policy": [{"home_efs_file_system": "Delete"}]},
    ),
    (
        "aws_s3_bucket_lifecycle_configuration",
        {"rule": [{"id": "a", "expiration": []}]},
        {"rule": [{"id": "a", "expiration": [{"days": 30}]}]},
    ),
    (
        "aws_s3_bucket_lifecycle_configuration",
        {"rule": [{"noncurrent_version_expiration": [{"noncurrent_days": 30}]}]},
        {"rule": [{"noncurrent_version_expiration": [{"noncurrent_days": 7}]}]},
    ),
    ("aws_apigatewayv2_stage", {"access_log_settings": [{"destination_arn": "a"}]}, {"access_log_settings": []}),
    ("aws_cloudtrail", {"enable_logging": True}, {"enable_logging": False}),
    (
        "aws_rds_cluster_parameter_group",
        {"parameter": [{"name": "server_audit_logging", "value": "1"}]},
        {"parameter": [{"name": "server_audit_logging", "value": "0"}]},
    ),
    ("aws_cloudwatch_log_group", {"retention_in_days": 30}, {"retention_in_days": 7}),
    (
        "aws_ecr_repository",
        {"image_scanning_configuration": [{"scan_on_push": True}]},
        {"image_scanning_configuration": [{"scan_on_push": False}]},
    ),
    ("aws_rds_cluster", {"storage_encrypted": True}, {"storage_encrypted": False}),
    ("aws_efs_file_system", {"encrypted": True}, {"encrypted": False}),
    ("aws_cloudwatch_log_group", {"kms_key_id": "key"}, {"kms_key_id": ""}),
    ("aws_lambda_function", {"kms_key_arn": "key"}, {"kms_key_arn": None}),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]},
        {"rule": []},
    ),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]},
        {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]},
    ),
    (
        "aws_ecr_repository",
        {"encryption_configuration": [{"encryption_type": "KMS"}]},
        {"encryption_configuration": [{"encryption_type": "AES256"}]},
    ),
    (
        "aws_dynamodb_table",
        {"server_side_encryption": [{"enabled": True}]},
        {"server_side_encryption": []},
    ),
    ("aws_kms_key", {"enable_key_rotation": True}, {"enable_key_rotation": False}),
    ("aws_kms_key", {"is_enabled": True}, {"is_enabled": False}),
    ("aws_lb_listener", {"protocol": "HTTPS"}, {"protocol": "HTTP"}),
    (
        "aws_rds_cluster_parameter_group",
        {"parameter": [{"name": "require_secure_transport", "value": "ON"}]},
        {"parameter": []},
    ),
    (
        "aws_apigatewayv2_domain_name",
        {"domain_name_configuration": [{"security_policy": "TLS_1_2"}]},
        {"domain_name_configuration": [{"security_policy": "TLS_1_0"}]},
    ),
    (
        "aws_lb_listener",
        {"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"ssl_policy": "ELBSecurityPolicy-2016-08"},
    ),
    ("aws_rds_cluster_instance", {"publicly_accessible": False}, {"publicly_accessible": True}),
    ("aws_lb", {"internal": True}, {"internal": False}),
    ("aws_subnet", {"map_public_ip_on_launch": False}, {"map_public_ip_on_launch": True}),
    (
        "aws_ecs_service",
        {"network_configuration": [{"assign_public_ip": False}]},
        {"network_configuration": [{"assign_public_ip": True}]},
    ),
    (
        "aws_sagemaker_notebook_instance",
        {"direct_internet_access": "Disabled"},
        {"direct_internet_access": "Enabled"},
    ),
    (
        "aws_sagemaker_domain",
        {"app_network_access_type": "VpcOnly"},
        {"app_network_access_type": "PublicInternetOnly"},
    ),
    ("aws_lambda_function_url", {"authorization_type": "AWS_IAM"}, {"authorization_type": "NONE"}),
    (
        "aws_cognito_user_pool",
        {"admin_create_user_config": [{"allow_admin_create_user_only": True}]},
        {"admin_create_user_config": [{"allow_admin_create_user_only": False}]},
    ),
    ("aws_s3_bucket_acl", {"acl": "private"}, {"acl": "public-read"}),
    *(
        ("aws_s3_bucket_public_access_block", {name: True}, {name: False})
        for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    ),
    (
        "aws_s3_bucket_ownership_controls",
        {"rule": [{"object_ownership": "BucketOwnerEnforced"}]},
        {"rule": [{"object_ownership": "ObjectWriter"}]},
    ),
    ("aws_apigatewayv2_api", {"disable_execute_api_endpoint": True}, {"disable_execute_api_endpoint": False}),
    ("aws_ecs_service", {"enable_execute_command": False}, {"enable_execute_command": True}),
    ("aws_sagemaker_notebook_instance", {"root_access": "Disabled"}, {"root_access": "Enabled"}),
    (
        "aws_sagemaker_notebook_instance",
        {"instance_metadata_service_configuration": [{"minimum_instance_metadata_service_version": "2"}]},
        {"instance_metadata_service_configuration": [{"minimum_instance_metadata_service_version": "1"}]},
    ),
    ("aws_lb", {"drop_invalid_header_fields": True}, {"drop_invalid_header_fields": False}),
    ("aws_cognito_user_pool", {"mfa_configuration": "ON"}, {"mfa_configuration": "OFF"}),
    ("aws_apigatewayv2_route", {"authorization_scopes": ["a"]}, {"authorization_scopes": []}),
    ("aws_iam_role", {"permissions_boundary": "arn"}, {"permissions_boundary": ""}),
]


@pytest.mark.parametrize(("type", "before", "after"), EXAMPLES)
def test_a_value_that_gets_worse_is_found_once_and_its_way_back_is_not(type: str, before: Json, after: Json) -> None:
    found = list(weakened(type, before, after))
    assert len(found) == 1
    rule, what = found[0]
    assert "{" not in what
    assert rule in rules(review(updated(f"{type}.a", before, after)))
    assert list(weakened(type, after, before)) == []
    assert list(weakened(type, before, before)) == []
    assert list(weakened(type, after, after)) == []


def test_every_row_of_the_table_has_an_example() -> None:
    assert len(EXAMPLES) == len(WEAKENINGS)
    found = {(rule, what) for type, before, after in EXAMPLES for rule, what in weakened(type, before, after)}
    assert len(found) == len({row.what for row in WEAKENINGS})


def test_a_value_that_is_marked_as_sensitive_is_told_and_not_passed_over() -> None:
    entry = updated("aws_rds_cluster.a", {"deletion_protection": True}, {"deletion_protection": False})
    entry["change"]["after_sensitive"] = {"deletion_protection": True}
    assert "loosened" in rules(review(entry))


def test_a_new_resource_may_be_without_protection_but_not_without_encryption_or_open() -> None:
    new = created("aws_rds_cluster.a", deletion_protection=False, skip_final_snapshot=True, storage_encrypted=False)
    assert rules(review(new), Verdict.DANGEROUS) == ["encryption-off"]
    assert rules(review(created("aws_lb.a", internal=False)), Verdict.DANGEROUS) == ["open-to-the-world"]
    assert review(created("aws_lb.a", internal=True)).findings == ()


def test_what_is_not_known_yet_is_not_called_weaker() -> None:
    found = review(updated("aws_cloudwatch_log_group.a", {"kms_key_id": "k"}, {}, after_unknown={"kms_key_id": True}))
    assert found.findings == ()


def test_several_values_of_one_resource_are_one_finding() -> None:
    found = review(
        updated(
            "aws_rds_cluster.a",
            {"deletion_protection": True, "skip_final_snapshot": False},
            {"deletion_protection": False, "skip_final_snapshot": True},
        )
    )
    assert rules(found) == ["protection-off"]
    assert found.findings[0].what == (
        "AWS no longer refuses to delete the database (`deletion_protection`); a destroyed database leaves no last "
        "snapshot (`skip_final_snapshot`)."
    )
