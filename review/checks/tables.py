"""What the review knows of types of resources: add a row here, and no code.

The facts are from AWS's documentation of the services, and the AWS provider's of the attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stateful:
    """A resource with data in it: what is lost with it, and what its settings say about that."""

    noun: str
    loss: str
    fate: tuple[tuple[str, Any, str], ...] = ()


_SNAPSHOT = (
    ("skip_final_snapshot", True, "No last snapshot is taken."),
    ("skip_final_snapshot", False, "A last snapshot stays."),
)
STATEFUL: Mapping[str, Stateful] = {
    "aws_rds_cluster": Stateful(
        "the database cluster", "every experiment, run, metric and registered model is lost", _SNAPSHOT
    ),
    "aws_rds_cluster_instance": Stateful(
        "an instance of the database", "the database cannot be reached until there is one again"
    ),
    "aws_rds_global_cluster": Stateful("the global database", "its clusters no longer copy one another"),
    "aws_db_instance": Stateful("the database", "everything in it is lost", _SNAPSHOT),
    "aws_s3_bucket": Stateful(
        "the bucket",
        "every file in it is lost, all versions included",
        (
            ("force_destroy", True, "It is emptied first."),
            ("force_destroy", False, "AWS refuses while anything is in it, and the apply stops there."),
        ),
    ),
    "aws_s3_directory_bucket": Stateful("the bucket", "every file in it is lost"),
    "aws_kms_key": Stateful(
        "the encryption key", "what it encrypted can never be read again once its waiting time is over"
    ),
    "aws_secretsmanager_secret": Stateful(
        "the secret",
        "whoever reads the password there fails",
        (("recovery_window_in_days", 0, "It cannot be restored."),),
    ),
    "aws_dynamodb_table": Stateful("the table", "everything in it is lost"),
    "aws_ecr_repository": Stateful(
        "the image repository", "tasks of its images cannot start any more", (("force_delete", True, "All images go."),)
    ),
    "aws_cognito_user_pool": Stateful("the user pool", "every user, with the password, is lost"),
    "aws_efs_file_system": Stateful("the file system", "every file in it is lost"),
    "aws_ebs_volume": Stateful("the disk", "everything on it is lost"),
    "aws_sagemaker_notebook_instance": Stateful("the notebook instance", "every file on its disk is lost"),
    "aws_sagemaker_domain": Stateful(
        "the Studio domain",
        "its users can no longer open Studio",
        (
            ("retention_policy.home_efs_file_system", "Delete", "Their files go with it."),
            ("retention_policy.home_efs_file_system", "Retain", "The file system with their files stays."),
        ),
    ),
}


@dataclass(frozen=True)
class Guard:
    """A resource that protects another of type *ward*, which its attribute *of* names: without it there is less."""

    rule: str
    what: str
    of: str = ""
    ward: str = ""


GUARDS: Mapping[str, Guard] = {
    "aws_s3_bucket_public_access_block": Guard(
        "open-to-the-world", "the bucket may be made public", "bucket", "aws_s3_bucket"
    ),
    "aws_s3_bucket_server_side_encryption_configuration": Guard(
        "encryption-off", "the bucket is encrypted by S3's own keys instead of ours", "bucket", "aws_s3_bucket"
    ),
    "aws_s3_bucket_versioning": Guard(
        "protection-off", "Terraform no longer keeps the bucket's versioning on", "bucket", "aws_s3_bucket"
    ),
    "aws_flow_log": Guard("audit-off", "connections in the VPC are no longer written down", "vpc_id", "aws_vpc"),
    "aws_cloudtrail": Guard("audit-off", "calls of AWS's API are no longer written down"),
    "aws_wafv2_web_acl_association": Guard(
        "firewall-off", "no web firewall stands before the load balancer", "resource_arn", "aws_lb"
    ),
}

# Replaced as a matter of course: what is made anew takes over before the old one goes, or holds nothing.
ROUTINE: Mapping[str, str] = {
    "aws_ecs_task_definition": "each change is a new revision, and the service moves to it task by task",
    "terraform_data": "publishes an image, and is nothing in the account",
    "aws_s3_object": "is written from a file of the repository",
}

PERMISSIONS = (
    "aws_iam_",
    "aws_lambda_permission",
    "aws_kms_key_policy",
    "aws_s3_bucket_policy",
    "aws_ecr_repository_policy",
    "aws_secretsmanager_secret_policy",
)
"""How the types of resources begin that say who may do what."""

NETWORK = (
    "aws_security_group",
    "aws_vpc_security_group_",
    "aws_default_security_group",
    "aws_network_acl",
    "aws_default_network_acl",
)
"""How the types begin that say who may connect to whom."""

ADMINISTRATORS = ("AdministratorAccess", "PowerUserAccess", "FullAccess", "IAMFullAccess")
"""How the names of AWS's own policies end that give everything, or everything of a service."""
