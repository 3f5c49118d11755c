"""What a plan reads: of the account, of the state, and of the secrets.

What AWS identifies by an id of its own is read whatever its tags are. A condition on tags would make AWS answer "access
denied" for what is gone, where Terraform waits for "not found".

Which actions, and on what, comes from requests of real plans (tests/terraform/test_ci_roles.py); that an action knows
the resources and conditions here, from AWS's Service Authorization Reference.
"""

from __future__ import annotations

from constructs_lib.role import Grantable
from stacks.ci_scope import CiScope


def let_read_platform(policy: Grantable, scope: CiScope) -> None:
    """Let a plan see network, data and service, without the values of secrets."""
    _let_read_network(policy, scope)
    _let_read_data(policy, scope)
    _let_read_service(policy, scope)


def let_read_access(policy: Grantable, scope: CiScope) -> None:
    """Let a plan see the API, the notebook, and who may do what."""
    _let_read_api(policy, scope)
    _let_read_notebook(policy, scope)
    _let_read_identities(policy, scope)


def let_plan(policy: Grantable, scope: CiScope) -> None:
    """Let a plan read the states, hold their locks, and read the secrets.

    A plan reads both secrets: Terraform refreshes their versions by reading these, and opens the database's one for the
    password that it would write.
    """
    state = scope.settings.state
    policy.allow("list-states", actions=["s3:ListBucket"], resources=scope.state_bucket())
    policy.allow("read-states", actions=["s3:GetObject"], resources=scope.states())
    if state.locks_by_file:
        policy.allow(
            "lock-by-file",
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            resources=scope.states(".tflock"),
        )
    if state.locks_by_table:
        policy.allow("see-lock-table", actions=["dynamodb:DescribeTable"], resources=scope.lock_table())
        policy.allow(
            "read-checksums",
            actions=["dynamodb:GetItem"],
            resources=scope.lock_table(),
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": scope.lock_items("*")}},
        )
        policy.allow(
            "lock-by-table",
            actions=["dynamodb:PutItem", "dynamodb:DeleteItem"],
            resources=scope.lock_table(),
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": scope.lock_items()}},
        )
    if state.kms_key_id:
        policy.allow("decrypt-states", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[state.kms_key_id])
    _let_read_secrets(policy, scope)


def _let_read_secrets(policy: Grantable, scope: CiScope) -> None:
    policy.allow("read-secrets", actions=["secretsmanager:GetSecretValue"], resources=scope.secrets())
    policy.allow("make-passwords", actions=["secretsmanager:GetRandomPassword"], resources=["*"])
    for id, service in (("decrypt-secrets", "secretsmanager"), ("decrypt-notebook-files", "s3")):
        policy.allow(
            id,
            actions=["kms:Decrypt"],
            resources=scope.arn("kms", "key/*"),
            conditions=scope.ours(StringLike={"kms:ViaService": f"{service}.{scope.region}.amazonaws.com*"}),
        )


def _let_read_network(policy: Grantable, scope: CiScope) -> None:
    policy.allow("read-vpc", actions=["ec2:DescribeVpcAttribute"], resources=scope.arn("ec2", "vpc/*"))
    policy.allow(
        "read-network",
        actions=[
            "ec2:DescribeAddresses",
            "ec2:DescribeAddressesAttribute",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeFlowLogs",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeNatGateways",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribePrefixLists",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
        ],
        resources=["*"],
    )


def _let_read_data(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "read-bucket",
        actions=[
            "s3:GetAccelerateConfiguration",
            "s3:GetBucketAcl",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketRequestPayment",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:ListBucket",
        ],
        resources=scope.artifacts(),
    )
    policy.allow(
        "read-notebook-files",
        actions=["s3:GetObject", "s3:GetObjectTagging"],
        resources=scope.artifacts("notebook/*"),
    )
    policy.allow(
        "read-database",
        actions=[
            "rds:DescribeDBClusterParameterGroups",
            "rds:DescribeDBClusterParameters",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "rds:DescribeDBSubnetGroups",
            "rds:ListTagsForResource",
        ],
        resources=scope.database("cluster", "cluster-pg", "db", "subgrp"),
    )
    policy.allow(
        "find-global-database",
        actions=["rds:DescribeGlobalClusters"],
        resources=scope.global_arn("rds", "global-cluster:*"),
    )
    policy.allow(
        "describe-secrets",
        actions=["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
        resources=scope.secrets(),
    )
    policy.allow(
        "read-key",
        actions=["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"],
        resources=scope.arn("kms", "key/*"),
    )


def _let_read_service(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "read-repositories",
        actions=["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"],
        resources=scope.arn("ecr", f"repository/{scope.prefix}/*"),
    )
    policy.allow(
        "read-service",
        actions=["ecs:DescribeClusters", "ecs:DescribeServices"],
        resources=scope.arn("ecs", f"cluster/{scope.prefix}", f"service/{scope.prefix}/*"),
    )
    policy.allow("read-log-tags", actions=["logs:ListTagsForResource"], resources=scope.log_groups())
    policy.allow(
        "read-autoscaling-tags",
        actions=["application-autoscaling:ListTagsForResource"],
        resources=scope.arn("application-autoscaling", "scalable-target/*"),
    )
    policy.allow(
        "read-names",
        actions=["servicediscovery:GetNamespace", "servicediscovery:GetService"],
        resources=scope.arn("servicediscovery", "namespace/*", "service/*"),
    )
    policy.allow(
        "read-lists",  # none of these knows a narrower resource
        actions=[
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "cognito-idp:DescribeUserPoolDomain",
            "ecs:DescribeTaskDefinition",
            "kms:ListAliases",
            "logs:DescribeLogGroups",
            "route53:ListHostedZones",
            "servicediscovery:ListTagsForResource",
        ],
        resources=["*"],
    )


def _let_read_notebook(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "read-notebook",
        actions=[
            "sagemaker:DescribeNotebookInstance",
            "sagemaker:DescribeNotebookInstanceLifecycleConfig",
            "sagemaker:ListTags",
        ],
        resources=scope.arn(
            "sagemaker",
            f"notebook-instance/{scope.prefix}",
            f"notebook-instance-lifecycle-config/{scope.prefix}-notebook",
        ),
    )
    policy.allow(
        "read-studio",
        actions=["sagemaker:DescribeDomain", "sagemaker:DescribeUserProfile", "sagemaker:ListTags"],
        resources=scope.arn("sagemaker", "domain/*", "user-profile/*"),
    )


def _let_read_api(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "read-api",
        actions=["apigateway:GET"],
        resources=scope.apis("/apis/*", "/vpclinks/*", "/domainnames/*"),
    )
    policy.allow(
        "read-firewall",
        actions=["wafv2:GetWebACL", "wafv2:GetWebACLForResource", "wafv2:ListTagsForResource"],
        resources=[
            *scope.arn("wafv2", f"regional/webacl/{scope.prefix}/*"),
            *scope.load_balancers("loadbalancer"),
        ],
    )
    policy.allow(
        "read-domain",
        actions=[
            "route53:GetHostedZone",
            "route53:ListResourceRecordSets",
            "route53:ListTagsForResource",
        ],
        resources=scope.nobodys_arn("route53", "hostedzone/*"),
    )
    policy.allow(
        "read-certificate",
        actions=["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
        resources=scope.arn("acm", "certificate/*"),
    )
    policy.allow(
        "read-users",
        actions=[
            "cognito-idp:DescribeResourceServer",
            "cognito-idp:DescribeUserPool",
            "cognito-idp:GetUserPoolMfaConfig",
        ],
        resources=scope.arn("cognito-idp", "userpool/*"),
    )
    policy.allow(
        "read-client",  # of our user pool alone: the answer has a client's secret, if it has one
        actions=["cognito-idp:DescribeUserPoolClient"],
        resources=scope.arn("cognito-idp", "userpool/*"),
        conditions=scope.ours(),
    )
    policy.allow(
        "read-authorizer",
        actions=[
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetPolicy",
            "lambda:ListVersionsByFunction",
        ],
        resources=scope.authorizers(),
    )


def _let_read_identities(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "read-roles",
        actions=[
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
        ],
        resources=scope.roles(),
    )
    policy.allow("read-policies", actions=["iam:GetPolicy", "iam:GetPolicyVersion"], resources=scope.policies())
