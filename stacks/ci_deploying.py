"""What an apply and a destroy do, beside what a plan reads.

By names where AWS lets us choose these, by tags elsewhere. Where settings protect the data, nothing here loses any.
Sources as in ``ci_reading``; what AWS asks for on behalf of an operation is in that operation's documentation, which is
named beside it.
"""

from __future__ import annotations

from constructs_lib.role import Grantable
from stacks.ci_scope import ROLES, CiScope

# Each is a resource type of EC2 that a request makes and the operations that make it. They are grouped so that no group
# has a type that its operations also use: with only the tags of a request to go by, that would be anybody's.
_MADE_ALONE = (
    ("ec2:AllocateAddress", "ec2:CreateInternetGateway", "ec2:CreateVpc"),
    ("elastic-ip", "internet-gateway", "vpc"),
)
_MADE_IN_A_VPC = (
    ("ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet"),
    ("route-table", "security-group", "subnet"),
)
_MADE_OF_OTHERS = (
    (
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateFlowLogs",
        "ec2:CreateNatGateway",
        "ec2:CreateVpcEndpoint",
    ),
    ("natgateway", "security-group-rule", "vpc-endpoint", "vpc-flow-log"),
)
_RULES_OF_A_GROUP = (
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
)
# Services whose first use in an account makes a role of their own.
_SERVICE_LINKED = (
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "ops.apigateway.amazonaws.com",
    "rds.amazonaws.com",
    "sagemaker.amazonaws.com",
)


def let_write_states(policy: Grantable, scope: CiScope) -> None:
    """Let an apply write the states and their checksums."""
    policy.allow("write-states", actions=["s3:PutObject"], resources=scope.states())
    if scope.settings.state.locks_by_table:
        policy.allow(
            "write-checksums",
            actions=["dynamodb:PutItem", "dynamodb:DeleteItem"],
            resources=scope.lock_table(),
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": scope.lock_items("-md5")}},
        )


def let_deploy_network(policy: Grantable, scope: CiScope) -> None:
    """Let it make, change and delete the VPC and what is in it, as far as it carries the environment's tags."""
    made = {"alone": _MADE_ALONE, "in-vpc": _MADE_IN_A_VPC, "of-others": _MADE_OF_OTHERS}
    for id, (actions, types) in made.items():
        policy.allow(
            f"make-{id}",
            actions=actions,
            resources=scope.arn("ec2", *(f"{type}/*" for type in types)),
            conditions=scope.becoming_ours(),
        )
    policy.allow(
        "use-network",
        actions=[
            *_RULES_OF_A_GROUP,
            "ec2:AssociateRouteTable",
            "ec2:AttachInternetGateway",
            "ec2:CreateFlowLogs",
            "ec2:CreateNatGateway",
            "ec2:CreateRoute",
            "ec2:CreateRouteTable",
            "ec2:CreateSecurityGroup",
            "ec2:CreateSubnet",
            "ec2:CreateTags",
            "ec2:CreateVpcEndpoint",
            "ec2:DeleteFlowLogs",
            "ec2:DeleteInternetGateway",
            "ec2:DeleteNatGateway",
            "ec2:DeleteRoute",
            "ec2:DeleteRouteTable",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteSubnet",
            "ec2:DeleteTags",
            "ec2:DeleteVpc",
            "ec2:DeleteVpcEndpoints",
            "ec2:DetachInternetGateway",
            "ec2:DisassociateAddress",
            "ec2:DisassociateRouteTable",
            "ec2:ModifyVpcAttribute",
            "ec2:ModifyVpcEndpoint",
            "ec2:ReleaseAddress",
        ],
        resources=scope.arn("ec2", "*/*"),
        conditions=scope.ours(),
    )
    policy.allow(
        "tag-what-is-made",
        actions=["ec2:CreateTags"],
        resources=scope.arn("ec2", "*/*"),
        conditions=scope.becoming_ours(Null={"ec2:CreateAction": "false"}),
    )
    policy.allow(
        "adopt-default-group",  # of the new VPC, which AWS makes without tags; Terraform tags it, then empties it
        actions=["ec2:CreateTags"],
        resources=scope.arn("ec2", "security-group/*"),
        conditions=scope.becoming_ours(Null=scope.untagged()),
    )
    _let_use_what_others_own(policy, scope)
    # Of an interface endpoint with private DNS: Service Authorization Reference, CreateVpcEndpoint.
    policy.allow(
        "name-endpoints",
        actions=["route53:AssociateVPCWithHostedZone"],
        resources=scope.nobodys_arn("route53", "hostedzone/*"),
    )


def let_deploy_data(policy: Grantable, scope: CiScope) -> None:
    """Let it make and change bucket, database, secrets and key; delete them only where their data is not protected."""
    _let_deploy_bucket(policy, scope)
    _let_deploy_database(policy, scope)
    _let_deploy_secrets(policy, scope)
    _let_deploy_key(policy, scope)


def let_deploy_service(policy: Grantable, scope: CiScope) -> None:
    """Let it make, change and delete load balancer, repositories, service, logs and names inside the VPC."""
    _let_deploy_load_balancer(policy, scope)
    _let_deploy_repositories(policy, scope)
    _let_deploy_tasks(policy, scope)
    policy.allow(
        "deploy-logs",
        actions=[
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:UntagResource",
        ],
        resources=scope.log_groups(),
    )
    policy.allow(
        "make-names",
        # A private namespace is a hosted zone: AWS Cloud Map Developer Guide, API permissions reference.
        actions=[
            "servicediscovery:CreatePrivateDnsNamespace",
            "ec2:DescribeRegions",
            "route53:CreateHostedZone",
            "route53:ListHostedZonesByName",
            "servicediscovery:GetOperation",
            "servicediscovery:ListInstances",
            "servicediscovery:TagResource",
            "servicediscovery:UntagResource",
        ],
        resources=["*"],
    )
    policy.allow(
        "deploy-names",
        actions=[
            "servicediscovery:CreateService",
            "servicediscovery:DeleteNamespace",
            "servicediscovery:DeleteService",
        ],
        resources=scope.arn("servicediscovery", "namespace/*", "service/*"),
        conditions=scope.ours(),
    )
    policy.allow(
        "name-service",
        actions=["servicediscovery:CreateService"],
        resources=scope.arn("servicediscovery", "service/*"),
        conditions=scope.becoming_ours(),
    )


def let_deploy_api(policy: Grantable, scope: CiScope) -> None:
    """Let it make, change and delete the API, and who is asked about its callers."""
    _let_deploy_gateway(policy, scope)
    _let_deploy_firewall(policy, scope)
    _let_deploy_users(policy, scope)
    _let_deploy_authorizer(policy, scope)
    _let_deploy_domain(policy, scope)


def let_deploy_notebook(policy: Grantable, scope: CiScope) -> None:
    """Let it make, change and delete the notebook instance, and Studio."""
    names = (f"notebook-instance/{scope.prefix}", f"notebook-instance-lifecycle-config/{scope.prefix}-notebook")
    policy.allow(
        "deploy-notebook",
        actions=[
            "sagemaker:AddTags",
            "sagemaker:CreateNotebookInstance",
            "sagemaker:CreateNotebookInstanceLifecycleConfig",
            "sagemaker:DeleteNotebookInstance",
            "sagemaker:DeleteNotebookInstanceLifecycleConfig",
            "sagemaker:DeleteTags",
            "sagemaker:StartNotebookInstance",
            "sagemaker:StopNotebookInstance",
            "sagemaker:UpdateNotebookInstance",
            "sagemaker:UpdateNotebookInstanceLifecycleConfig",
        ],
        resources=scope.arn("sagemaker", *names),
    )
    # Its network interface: SageMaker Developer Guide, SageMaker API permissions, CreateNotebookInstance.
    policy.allow(
        "connect-notebook",
        actions=["ec2:CreateNetworkInterface"],
        resources=scope.arn("ec2", "network-interface/*", "security-group/*", "subnet/*"),
    )
    studio = scope.arn("sagemaker", "domain/*", "user-profile/*")
    policy.allow(
        "make-studio",
        actions=["sagemaker:AddTags", "sagemaker:CreateDomain", "sagemaker:CreateUserProfile"],
        resources=studio,
        conditions=scope.becoming_ours(),
    )
    policy.allow(
        "deploy-studio",
        actions=[
            "sagemaker:AddTags",
            "sagemaker:DeleteDomain",
            "sagemaker:DeleteTags",
            "sagemaker:DeleteUserProfile",
            "sagemaker:UpdateDomain",
            "sagemaker:UpdateUserProfile",
        ],
        resources=studio,
        conditions=scope.ours(),
    )


def let_deploy_identities(policy: Grantable, scope: CiScope) -> None:
    """Let it make, change and delete the roles of the stacks, none of which may do more than the boundary."""
    roles, bounded = scope.roles(), {"StringEquals": {"iam:PermissionsBoundary": scope.boundary()}}
    policy.allow(
        "make-roles",
        actions=["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"],
        resources=roles,
        conditions=bounded,
    )
    policy.allow(
        "deploy-roles",
        actions=[
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:ListInstanceProfilesForRole",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
        ],
        resources=roles,
    )
    policy.allow(
        "deploy-policies",
        actions=[
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:ListPolicyVersions",
            "iam:TagPolicy",
            "iam:UntagPolicy",
        ],
        resources=scope.policies(),
    )
    for service in ROLES:
        policy.allow(
            f"pass-roles-to-{service.partition('.')[0]}",
            actions=["iam:PassRole"],
            resources=scope.roles(service),
            conditions={"StringEquals": {"iam:PassedToService": service}},
        )
    # IAM User Guide, Create a service-linked role; the name of the service is in the role's path.
    policy.allow(
        "let-services-make-their-roles",
        actions=["iam:CreateServiceLinkedRole"],
        resources=scope.global_arn("iam", *(f"role/aws-service-role/{service}/*" for service in _SERVICE_LINKED)),
    )


def _let_use_what_others_own(policy: Grantable, scope: CiScope) -> None:
    """The network and the security groups that the settings name: they carry no tags of ours."""
    network, groups = scope.settings.network.existing, scope.settings.load_balancer.client_security_groups
    if network is not None:
        policy.allow(
            "build-in-existing-vpc",
            actions=["ec2:CreateSecurityGroup"],
            resources=scope.arn("ec2", f"vpc/{network.vpc_id}"),
        )
    if groups:
        policy.allow(
            "let-clients-in",
            actions=_RULES_OF_A_GROUP,
            resources=scope.arn("ec2", *(f"security-group/{group}" for group in groups)),
        )


def _let_deploy_bucket(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "deploy-bucket",
        actions=[
            "s3:CreateBucket",
            "s3:DeleteBucketPolicy",
            "s3:ListBucketVersions",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
        resources=scope.artifacts(),
    )
    policy.allow(
        "write-notebook-files",
        actions=[
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:PutObject",
            "s3:PutObjectTagging",
        ],
        resources=scope.artifacts("notebook/*"),
    )
    if not scope.settings.protect_data:
        policy.allow("delete-bucket", actions=["s3:DeleteBucket"], resources=scope.artifacts())
        policy.allow(
            "delete-artifacts", actions=["s3:DeleteObject", "s3:DeleteObjectVersion"], resources=scope.artifacts("*")
        )


def _let_deploy_database(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "deploy-database",
        actions=[
            "rds:AddTagsToResource",
            "rds:CreateDBCluster",
            "rds:CreateDBClusterParameterGroup",
            "rds:CreateDBInstance",
            "rds:CreateDBSubnetGroup",
            "rds:DeleteDBClusterParameterGroup",
            "rds:DeleteDBInstance",
            "rds:DeleteDBSubnetGroup",
            "rds:ModifyDBCluster",
            "rds:ModifyDBClusterParameterGroup",
            "rds:ModifyDBInstance",
            "rds:ModifyDBSubnetGroup",
            "rds:RemoveTagsFromResource",
        ],
        resources=scope.database("cluster", "cluster-pg", "db", "subgrp"),
    )
    policy.allow(
        "use-default-options",  # of Aurora, which has no options: no group of ours
        actions=["rds:CreateDBCluster"],
        resources=scope.arn("rds", "og:default*"),
    )
    if not scope.settings.protect_data:
        policy.allow(
            "delete-database",
            actions=["rds:CreateDBClusterSnapshot", "rds:DeleteDBCluster"],
            resources=scope.database("cluster", "cluster-snapshot"),
        )


def _let_deploy_secrets(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "deploy-secrets",
        actions=[
            "secretsmanager:CreateSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
        ],
        resources=scope.secrets(),
    )
    recoverable = {"BoolIfExists": {"secretsmanager:ForceDeleteWithoutRecovery": "false"}}
    policy.allow(
        "delete-secrets",
        actions=["secretsmanager:DeleteSecret"],
        resources=scope.secrets(),
        conditions=recoverable if scope.settings.protect_data else None,
    )


def _let_deploy_key(policy: Grantable, scope: CiScope) -> None:
    keys = scope.arn("kms", "key/*")
    policy.allow("make-key", actions=["kms:CreateKey"], resources=["*"], conditions=scope.becoming_ours())
    policy.allow(
        "tag-new-key",
        actions=["kms:TagResource"],
        resources=keys,
        conditions=scope.becoming_ours(Null=scope.untagged()),
    )
    policy.allow(
        "deploy-key",
        actions=[
            "kms:CreateAlias",
            "kms:DeleteAlias",
            "kms:EnableKeyRotation",
            "kms:PutKeyPolicy",
            "kms:TagResource",
            "kms:UntagResource",
            *([] if scope.settings.protect_data else ["kms:ScheduleKeyDeletion"]),
        ],
        resources=keys,
        conditions=scope.ours(),
    )
    policy.allow(
        "name-key", actions=["kms:CreateAlias", "kms:DeleteAlias"], resources=scope.arn("kms", f"alias/{scope.prefix}")
    )
    # For the secrets (Secrets Manager User Guide, Secret encryption and decryption), the notebook's files (S3 User
    # Guide, Using server-side encryption with KMS keys) and the function's variables (Lambda Developer Guide, Securing
    # Lambda environment variables).
    policy.allow(
        "use-key",
        actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        resources=keys,
        conditions=scope.ours(StringLike={"kms:ViaService": f"*.{scope.region}.amazonaws.com*"}),
    )
    # For repositories (Amazon ECR User Guide, Encryption at rest), the notebook's disk and Studio's file system
    # (SageMaker Developer Guide, Protect data at rest using encryption) and the function (as above).
    policy.allow(
        "lend-key",
        actions=["kms:CreateGrant"],
        resources=keys,
        conditions=scope.ours(Bool={"kms:GrantIsForAWSResource": "true"}),
    )
    policy.allow("take-key-back", actions=["kms:RetireGrant"], resources=keys, conditions=scope.ours())


def _let_deploy_load_balancer(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "make-load-balancer",
        actions=[
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateTargetGroup",
        ],
        resources=scope.load_balancers(),
        conditions=scope.becoming_ours(),
    )
    policy.allow(
        "deploy-load-balancer",
        actions=[
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RemoveTags",
            "elasticloadbalancing:SetSubnets",
        ],
        resources=scope.load_balancers(),
        conditions=scope.ours(),
    )


def _let_deploy_repositories(policy: Grantable, scope: CiScope) -> None:
    policy.allow("log-in-to-registry", actions=["ecr:GetAuthorizationToken"], resources=["*"])
    policy.allow(
        "deploy-repositories",
        actions=[
            "ecr:CreateRepository",
            "ecr:DeleteLifecyclePolicy",
            "ecr:DeleteRepository",
            "ecr:DescribeImages",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
            "ecr:UntagResource",
            # What a push is made of: Amazon ECR User Guide, Pushing an image, Required IAM permissions.
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
        resources=scope.arn("ecr", f"repository/{scope.prefix}/*"),
    )


def _let_deploy_tasks(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "deploy-service",
        actions=[
            "ecs:CreateCluster",
            "ecs:CreateService",
            "ecs:DeleteCluster",
            "ecs:DeleteService",
            "ecs:ListTagsForResource",
            "ecs:PutClusterCapacityProviders",
            "ecs:TagResource",
            "ecs:UntagResource",
            "ecs:UpdateService",
        ],
        resources=scope.arn(
            "ecs", f"cluster/{scope.prefix}", f"service/{scope.prefix}/*", f"task-definition/{scope.prefix}:*"
        ),
    )
    policy.allow(
        "make-tasks",
        actions=["ecs:RegisterTaskDefinition"],
        resources=["*"],
        conditions=scope.becoming_ours(),
    )
    policy.allow("retire-tasks", actions=["ecs:DeregisterTaskDefinition"], resources=["*"])  # knows nothing narrower
    targets = scope.arn("application-autoscaling", "scalable-target/*")
    policy.allow(
        "make-autoscaling",
        actions=["application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"],
        resources=targets,
        conditions=scope.becoming_ours(),
    )
    policy.allow(
        "deploy-autoscaling",
        actions=[
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
            "application-autoscaling:TagResource",
            "application-autoscaling:UntagResource",
        ],
        resources=targets,
        conditions=scope.ours(),
    )
    # Application Auto Scaling User Guide, Identity-based policy examples, Permissions for target tracking.
    policy.allow(
        "watch-service",
        actions=["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
        resources=scope.arn("cloudwatch", f"alarm:TargetTracking-service/{scope.prefix}/*"),
    )


def _let_deploy_gateway(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "make-api",
        actions=["apigateway:POST"],
        resources=scope.apis("/apis", "/vpclinks", "/domainnames"),
        conditions=scope.becoming_ours(),
    )
    policy.allow(
        "deploy-api",
        actions=["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST"],
        resources=scope.apis("/apis/*", "/vpclinks/*", "/domainnames/*"),
        conditions=scope.ours(),
    )
    # API Gateway Developer Guide, Using tags to control access: tags are resources of their own, which carry none.
    policy.allow(
        "tag-api",
        actions=["apigateway:DELETE", "apigateway:POST"],
        resources=scope.apis("/tags/*"),
    )
    # API Gateway Developer Guide, Configure logging for HTTP APIs.
    policy.allow(
        "log-api",
        actions=[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        resources=["*"],
    )


def _let_deploy_firewall(policy: Grantable, scope: CiScope) -> None:
    acls = scope.arn("wafv2", f"regional/webacl/{scope.prefix}/*")
    policy.allow(
        "deploy-firewall",
        actions=[
            "wafv2:AssociateWebACL",
            "wafv2:CreateWebACL",
            "wafv2:DeleteWebACL",
            "wafv2:DisassociateWebACL",
            "wafv2:TagResource",
            "wafv2:UntagResource",
            "wafv2:UpdateWebACL",
        ],
        resources=[
            *acls,
            *scope.arn("wafv2", "regional/managedruleset/*/*"),
            *scope.load_balancers("loadbalancer"),
        ],
    )
    # Service Authorization Reference, AssociateWebACL; it knows nothing narrower.
    policy.allow("shield-load-balancer", actions=["elasticloadbalancing:SetWebAcl"], resources=["*"])


def _let_deploy_users(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "make-users", actions=["cognito-idp:CreateUserPool"], resources=["*"], conditions=scope.becoming_ours()
    )
    pools = scope.arn("cognito-idp", "userpool/*")
    policy.allow(
        "tag-new-users",
        actions=["cognito-idp:TagResource"],
        resources=pools,
        conditions=scope.becoming_ours(Null=scope.untagged()),
    )
    policy.allow(
        "deploy-users",
        actions=[
            "cognito-idp:CreateResourceServer",
            "cognito-idp:CreateUserPoolClient",
            "cognito-idp:CreateUserPoolDomain",
            "cognito-idp:DeleteResourceServer",
            "cognito-idp:DeleteUserPoolClient",
            "cognito-idp:DeleteUserPoolDomain",
            "cognito-idp:SetUserPoolMfaConfig",
            "cognito-idp:TagResource",
            "cognito-idp:UntagResource",
            "cognito-idp:UpdateResourceServer",
            "cognito-idp:UpdateUserPool",
            "cognito-idp:UpdateUserPoolClient",
            *([] if scope.settings.protect_data else ["cognito-idp:DeleteUserPool"]),
        ],
        resources=pools,
        conditions=scope.ours(),
    )


def _let_deploy_authorizer(policy: Grantable, scope: CiScope) -> None:
    policy.allow(
        "deploy-authorizer",
        actions=[
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ],
        resources=scope.arn("lambda", f"function:{scope.prefix}-authorizer"),
    )
    policy.allow(
        "let-api-call-authorizer",
        actions=["lambda:AddPermission", "lambda:RemovePermission"],
        resources=scope.authorizers(),
    )


def _let_deploy_domain(policy: Grantable, scope: CiScope) -> None:
    """The records and certificates of the names in the settings."""
    domain, inside = scope.settings.api.domain, scope.settings.load_balancer.server_name
    zones, key = scope.nobodys_arn("route53", "hostedzone/*"), "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    names = {"domain": domain.name if domain else None, "proof": domain and f"_*.{domain.name}", "inside": inside}
    for id, name in names.items():
        if name:
            policy.allow(
                f"write-{id}-record",
                actions=["route53:ChangeResourceRecordSets"],
                resources=zones,
                conditions={"ForAllValues:StringLike": {key: name}},
            )
    if domain or inside:
        policy.allow(
            "wait-for-records", actions=["route53:GetChange"], resources=scope.nobodys_arn("route53", "change/*")
        )
    if inside:
        policy.allow(
            "deploy-private-zone",
            actions=["route53:ChangeTagsForResource", "route53:DeleteHostedZone"],
            resources=zones,
        )
    policy.allow(
        "request-certificate",
        actions=["acm:RequestCertificate"],
        resources=["*"],
        conditions=scope.becoming_ours(),
    )
    policy.allow(
        "tag-new-certificate",
        actions=["acm:AddTagsToCertificate"],
        resources=scope.arn("acm", "certificate/*"),
        conditions=scope.becoming_ours(Null=scope.untagged()),
    )
    policy.allow(
        "deploy-certificate",
        actions=["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"],
        resources=scope.arn("acm", "certificate/*"),
        conditions=scope.ours(),
    )
