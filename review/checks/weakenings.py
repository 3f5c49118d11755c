"""What a value must not become: add a row here, and no code.

The facts are from AWS's documentation of the services, and the AWS provider's of the attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from review.plan_json.redaction import UNKNOWN, Hidden
from review.plan_json.values import is_empty, shown, value_at

_NEW = object()  # stands for the value before, where the resource is new

Bad = Callable[[Any, Any], bool]
"""Whether a value is bad, given the one before and the one now; None: not set."""


def is_one_of(*bad: Any) -> Bad:
    """Now it is one of *bad*, and it was not before."""
    return lambda before, after: after in bad and before not in bad


def is_not(*good: Any) -> Bad:
    """Now it is none of *good*, and it was, or was not there."""
    return lambda before, after: after not in good and (before is _NEW or before in good)


def is_lost(before: Any, after: Any) -> bool:
    """It was set, and is no more."""
    return not is_empty(before) and is_empty(after)


def is_lower(before: Any, after: Any) -> bool:
    """Both are numbers, and now it is the smaller one."""
    return _is_number(before) and _is_number(after) and float(after) < float(before)


def is_sooner(before: Any, after: Any) -> bool:
    """A number of days that is lower than before, or there for the first time; 0 is none."""
    return bool(_is_number(after) and after > 0 and (is_empty(before) or before == 0 or is_lower(before, after)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Weakening:
    """A value at *path* that must not become *bad*; *on_create*: nor be so from the start.

    What a new resource says on protection loses nothing yet, so most rows look at changes only. In *what* stand
    ``{before}`` and ``{after}`` for the values.
    """

    rule: str
    types: tuple[str, ...]
    path: str
    bad: Bad
    what: str
    on_create: bool = False


_DATABASES = ("aws_rds_cluster", "aws_db_instance")
_INSTANCES = ("aws_rds_cluster_instance", "aws_db_instance")
_BLOCK = ("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block")
_OFF = is_one_of(False, None)

WEAKENINGS: tuple[Weakening, ...] = (
    # What keeps data.
    Weakening(
        "protection-off",
        (*_DATABASES, "aws_db_instance"),
        "deletion_protection",
        _OFF,
        "AWS no longer refuses to delete the database (`deletion_protection`)",
    ),
    Weakening(
        "protection-off",
        ("aws_cognito_user_pool",),
        "deletion_protection",
        is_not("ACTIVE"),
        "AWS no longer refuses to delete the user pool (`deletion_protection`)",
    ),
    Weakening(
        "protection-off",
        ("aws_dynamodb_table",),
        "deletion_protection_enabled",
        _OFF,
        "AWS no longer refuses to delete the table (`deletion_protection_enabled`)",
    ),
    Weakening(
        "protection-off",
        ("aws_lb",),
        "enable_deletion_protection",
        _OFF,
        "AWS no longer refuses to delete the load balancer (`enable_deletion_protection`)",
    ),
    Weakening(
        "protection-off",
        ("aws_s3_bucket",),
        "force_destroy",
        is_one_of(True),
        "the bucket may be destroyed with files in it (`force_destroy`)",
    ),
    Weakening(
        "protection-off",
        ("aws_ecr_repository",),
        "force_delete",
        is_one_of(True),
        "the repository may be destroyed with images in it (`force_delete`)",
    ),
    Weakening(
        "protection-off",
        _DATABASES,
        "skip_final_snapshot",
        is_one_of(True),
        "a destroyed database leaves no last snapshot (`skip_final_snapshot`)",
    ),
    Weakening(
        "protection-off",
        _DATABASES,
        "backup_retention_period",
        is_lower,
        "backups are kept for {after} days instead of {before}",
    ),
    Weakening(
        "protection-off",
        _DATABASES,
        "delete_automated_backups",
        is_one_of(True),
        "the backups go with the database (`delete_automated_backups`)",
    ),
    Weakening(
        "protection-off",
        ("aws_secretsmanager_secret",),
        "recovery_window_in_days",
        is_lower,
        "a deleted secret can be restored for {after} days instead of {before}",
    ),
    Weakening(
        "protection-off",
        ("aws_kms_key",),
        "deletion_window_in_days",
        is_lower,
        "a deleted key can be restored for {after} days instead of {before}",
    ),
    Weakening(
        "protection-off",
        ("aws_s3_bucket_versioning",),
        "versioning_configuration.status",
        is_not("Enabled"),
        "files that are overwritten or deleted are lost (versioning is {after})",
    ),
    Weakening(
        "protection-off",
        ("aws_dynamodb_table",),
        "point_in_time_recovery.enabled",
        _OFF,
        "the table cannot be restored to an earlier time (`point_in_time_recovery`)",
    ),
    Weakening(
        "protection-off",
        ("aws_ecr_repository",),
        "image_tag_mutability",
        is_not("IMMUTABLE"),
        "the image behind a tag can be exchanged (`image_tag_mutability`)",
    ),
    Weakening(
        "protection-off",
        ("aws_sagemaker_domain",),
        "retention_policy.home_efs_file_system",
        is_one_of("Delete"),
        "the users' files go with the Studio domain (`retention_policy`)",
    ),
    Weakening(
        "protection-off",
        ("aws_s3_bucket_lifecycle_configuration",),
        "rule.expiration.days",
        is_sooner,
        "files are deleted after {after} days",
    ),
    Weakening(
        "loosened",
        ("aws_s3_bucket_lifecycle_configuration",),
        "rule.noncurrent_version_expiration.noncurrent_days",
        is_lower,
        "overwritten and deleted files are kept for {after} days instead of {before}",
    ),
    # What writes down.
    Weakening(
        "audit-off",
        ("aws_apigatewayv2_stage",),
        "access_log_settings.destination_arn",
        is_lost,
        "requests are no longer written to the access log",
    ),
    Weakening("audit-off", ("aws_cloudtrail",), "enable_logging", _OFF, "the trail is off"),
    Weakening(
        "audit-off",
        ("aws_rds_cluster_parameter_group",),
        "parameter[server_audit_logging].value",
        is_not("1", "ON"),
        "the database no longer logs who connects (`server_audit_logging`)",
    ),
    Weakening(
        "loosened",
        ("aws_cloudwatch_log_group",),
        "retention_in_days",
        is_lower,
        "logs are kept for {after} days instead of {before}",
    ),
    Weakening(
        "loosened",
        ("aws_ecr_repository",),
        "image_scanning_configuration.scan_on_push",
        _OFF,
        "images are no longer scanned",
    ),
    # What encrypts.
    Weakening(
        "encryption-off",
        _DATABASES,
        "storage_encrypted",
        _OFF,
        "the database is not encrypted (`storage_encrypted`)",
        on_create=True,
    ),
    Weakening(
        "encryption-off",
        ("aws_efs_file_system", "aws_ebs_volume"),
        "encrypted",
        _OFF,
        "the disk is not encrypted",
        on_create=True,
    ),
    Weakening(
        "encryption-off",
        (
            *_DATABASES,
            *_INSTANCES,
            "aws_secretsmanager_secret",
            "aws_cloudwatch_log_group",
            "aws_sagemaker_notebook_instance",
            "aws_sagemaker_domain",
        ),
        "kms_key_id",
        is_lost,
        "it is no longer encrypted by the key `{before}` (`kms_key_id`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_lambda_function",),
        "kms_key_arn",
        is_lost,
        "its variables are no longer encrypted by a key of ours (`kms_key_arn`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_s3_bucket_server_side_encryption_configuration",),
        "rule.apply_server_side_encryption_by_default.sse_algorithm",
        is_not("aws:kms", "aws:kms:dsse", "AES256"),
        "the bucket is not encrypted",
        on_create=True,
    ),
    Weakening(
        "encryption-off",
        ("aws_s3_bucket_server_side_encryption_configuration",),
        "rule.apply_server_side_encryption_by_default.sse_algorithm",
        lambda before, after: before in ("aws:kms", "aws:kms:dsse") and after == "AES256",
        "the bucket is encrypted by S3's own keys instead of ours (`{after}`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_ecr_repository",),
        "encryption_configuration.encryption_type",
        lambda before, after: before in ("KMS", "KMS_DSSE") and after != before,
        "images are no longer encrypted by a key of ours (`encryption_type`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_dynamodb_table",),
        "server_side_encryption.enabled",
        _OFF,
        "the table is no longer encrypted by a KMS key (`server_side_encryption`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_kms_key",),
        "enable_key_rotation",
        _OFF,
        "the key is no longer changed every year (`enable_key_rotation`)",
        on_create=True,
    ),
    Weakening(
        "encryption-off",
        ("aws_kms_key",),
        "is_enabled",
        is_one_of(False),
        "the key is switched off, and what it encrypted cannot be read",
    ),
    Weakening(
        "encryption-off",
        ("aws_lb_listener",),
        "protocol",
        lambda before, after: before in ("HTTPS", "TLS") and after != before,
        "requests to the load balancer travel unencrypted (`protocol` is {after} instead of {before})",
    ),
    Weakening(
        "encryption-off",
        ("aws_rds_cluster_parameter_group",),
        "parameter[require_secure_transport].value",
        is_not("ON", "1"),
        "the database takes connections without TLS (`require_secure_transport`)",
    ),
    Weakening(
        "encryption-off",
        ("aws_apigatewayv2_domain_name",),
        "domain_name_configuration.security_policy",
        is_not("TLS_1_2", "TLS_1_3"),
        "callers may use an old TLS (`security_policy` is {after})",
        on_create=True,
    ),
    Weakening(
        "loosened",
        ("aws_lb_listener",),
        "ssl_policy",
        lambda before, after: "TLS13" in str(before) and "TLS13" not in str(after),
        "the TLS policy is {after} instead of {before}",
    ),
    # What keeps the world out.
    Weakening(
        "open-to-the-world",
        _INSTANCES,
        "publicly_accessible",
        is_one_of(True),
        "the database has a public address (`publicly_accessible`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_lb",),
        "internal",
        is_not(True),
        "the load balancer has public addresses (`internal`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_subnet",),
        "map_public_ip_on_launch",
        is_one_of(True),
        "what starts in the subnet gets a public address (`map_public_ip_on_launch`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_ecs_service",),
        "network_configuration.assign_public_ip",
        is_one_of(True),
        "tasks get public addresses (`assign_public_ip`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_sagemaker_notebook_instance",),
        "direct_internet_access",
        is_one_of("Enabled"),
        "the notebook is on the internet directly, past the VPC (`direct_internet_access`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_sagemaker_domain",),
        "app_network_access_type",
        is_one_of("PublicInternetOnly"),
        "Studio is on the internet directly, past the VPC (`app_network_access_type`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_lambda_function_url",),
        "authorization_type",
        is_one_of("NONE"),
        "everybody may call the function by its URL (`authorization_type`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_cognito_user_pool",),
        "admin_create_user_config.allow_admin_create_user_only",
        _OFF,
        "everybody may sign up as a user (`allow_admin_create_user_only`)",
        on_create=True,
    ),
    Weakening(
        "open-to-the-world",
        ("aws_s3_bucket_acl",),
        "acl",
        is_one_of("public-read", "public-read-write", "authenticated-read"),
        "the bucket's ACL is {after}",
        on_create=True,
    ),
    *(
        Weakening(
            "open-to-the-world", _BLOCK, name, is_not(True), f"the bucket may be made public (`{name}`)", on_create=True
        )
        for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    ),
    Weakening(
        "loosened",
        ("aws_s3_bucket_ownership_controls",),
        "rule.object_ownership",
        is_not("BucketOwnerEnforced"),
        "ACLs count again in the bucket (`object_ownership`)",
        on_create=True,
    ),
    Weakening(
        "loosened",
        ("aws_apigatewayv2_api",),
        "disable_execute_api_endpoint",
        lambda before, after: before is True and after is not True,
        "the API answers under its own address again, beside its domain name",
    ),
    Weakening(
        "loosened",
        ("aws_ecs_service",),
        "enable_execute_command",
        is_one_of(True),
        "operators may open a shell in the containers (`enable_execute_command`)",
    ),
    Weakening(
        "loosened",
        ("aws_sagemaker_notebook_instance",),
        "root_access",
        is_one_of("Enabled"),
        "users are root on the notebook instance (`root_access`)",
    ),
    Weakening(
        "loosened",
        ("aws_sagemaker_notebook_instance",),
        "instance_metadata_service_configuration.minimum_instance_metadata_service_version",
        is_not("2"),
        "the notebook's metadata service answers without a session (`minimum_instance_metadata_service_version`)",
    ),
    Weakening(
        "loosened",
        ("aws_lb",),
        "drop_invalid_header_fields",
        _OFF,
        "the load balancer passes malformed headers on (`drop_invalid_header_fields`)",
    ),
    Weakening(
        "loosened",
        ("aws_cognito_user_pool",),
        "mfa_configuration",
        lambda before, after: before == "ON" and after != "ON",
        "users need no second factor (`mfa_configuration`)",
    ),
    Weakening(
        "loosened",
        ("aws_apigatewayv2_route",),
        "authorization_scopes",
        is_lost,
        "tokens need no scope for this route any more (`authorization_scopes`)",
    ),
    Weakening(
        "boundary-off",
        ("aws_iam_role", "aws_iam_user"),
        "permissions_boundary",
        is_lost,
        "the permissions boundary is gone",
    ),
)


def weakened(type: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """What the rows have against the change: the rule, and words; *before* is None for a new resource.

    A value that somebody marked as sensitive is told instead of passed over.
    """
    for row in _BY_TYPE.get(type, ()):
        old, new = _NEW if before is None else value_at(before, row.path), value_at(after, row.path)
        if (before is None and not row.on_create) or new is UNKNOWN or old is UNKNOWN:
            continue
        if isinstance(new, Hidden) and new != old:
            yield "loosened", f"`{row.path}` is marked as sensitive, so that nobody sees what it becomes"
        elif row.bad(old, new):
            yield (
                row.rule,
                row.what.format(before=shown(old) if old is not _NEW else None, after=shown(new) or "not set"),
            )


_BY_TYPE = {type: tuple(row for row in WEAKENINGS if type in row.types) for each in WEAKENINGS for type in each.types}
