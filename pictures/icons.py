"""What a type of resource looks like in a picture: an icon of aws-icons, and words for a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """*icon* is a file of aws-icons without its ending; *label* says in words what one such resource is."""

    icon: str
    label: str


def _service(icon: str, label: str) -> Kind:
    return Kind(f"architecture-service/{icon}", label)


def _resource(icon: str, label: str) -> Kind:
    return Kind(f"resource/{icon}", label)


CLIENT = _resource("Client", "MLflow client, browser")
INTERNET = _resource("Internet", "internet")
NETWORK = _resource("Servers", "network")
CONTAINER = _resource("AmazonElasticContainerServiceContainer1", "container")
IDENTITY_PROVIDER = _resource("Users", "identity provider")
GATEWAY_ENDPOINT = _resource("AmazonVPCEndpoints", "gateway endpoint")
SECURITY_GROUP = _resource("Shield", "security group")

GENERIC_ICON = "resource/GenericApplication"

ACCOUNT_FRAME = "architecture-group/AWSCloudlogo"
VPC_FRAME = "architecture-group/VirtualprivatecloudVPC"
PUBLIC_FRAME = "architecture-group/Publicsubnet"
PRIVATE_FRAME = "architecture-group/Privatesubnet"
TASK_FRAME = "architecture-service/AWSFargate"
STACK_FRAME = "architecture-service/AWSCloudFormation"

KINDS: Mapping[str, Kind] = {
    "aws_acm_certificate": _service("AWSCertificateManager", "certificate"),
    "aws_apigatewayv2_api": _service("AmazonAPIGateway", "HTTP API"),
    "aws_apigatewayv2_domain_name": _service("AmazonRoute53", "domain name"),
    "aws_apigatewayv2_vpc_link": _service("AWSPrivateLink", "VPC link"),
    "aws_appautoscaling_target": _service("AWSApplicationAutoScaling", "autoscaling"),
    "aws_cloudwatch_log_group": _service("AmazonCloudWatch", "log group"),
    "aws_cognito_user_pool": _service("AmazonCognito", "user pool"),
    "aws_dynamodb_table": _service("AmazonDynamoDB", "DynamoDB table"),
    "aws_ecr_repository": _service("AmazonElasticContainerRegistry", "image repository"),
    "aws_ecs_service": _service("AmazonElasticContainerService", "ECS service"),
    "aws_ecs_task_definition": _service("AWSFargate", "task definition"),
    "aws_flow_log": _resource("AmazonVPCFlowLogs", "flow logs"),
    "aws_iam_openid_connect_provider": _service("AWSIdentityandAccessManagement", "OIDC provider"),
    "aws_iam_policy": _service("AWSIdentityandAccessManagement", "IAM policy"),
    "aws_iam_role": _service("AWSIdentityandAccessManagement", "IAM role"),
    "aws_internet_gateway": _resource("AmazonVPCInternetGateway", "internet gateway"),
    "aws_kms_key": _service("AWSKeyManagementService", "KMS key"),
    "aws_lambda_function": _service("AWSLambda", "Lambda function"),
    "aws_lb": _service("ElasticLoadBalancing", "load balancer"),
    "aws_nat_gateway": _resource("AmazonVPCNATGateway", "NAT gateway"),
    "aws_rds_cluster": _service("AmazonAurora", "Aurora"),
    "aws_route53_zone": _service("AmazonRoute53", "private DNS zone"),
    "aws_s3_bucket": _service("AmazonSimpleStorageService", "S3 bucket"),
    "aws_s3_object": _resource("AmazonSimpleStorageServiceObject", "files in S3"),
    "aws_sagemaker_domain": _service("AmazonSageMakerAI", "SageMaker Studio domain"),
    "aws_sagemaker_notebook_instance": _service("AmazonSageMakerAI", "notebook instance"),
    "aws_sagemaker_user_profile": _service("AmazonSageMakerAI", "SageMaker Studio profile"),
    "aws_secretsmanager_secret": _service("AWSSecretsManager", "secret"),
    "aws_service_discovery_service": _service("AWSCloudMap", "Cloud Map"),
    "aws_vpc": Kind(VPC_FRAME, "VPC"),
    "aws_vpc_endpoint": _resource("AmazonVPCEndpoints", "interface endpoint"),
    "aws_wafv2_web_acl": _service("AWSWAF", "WAF web ACL"),
    "terraform_data": _resource("AmazonElasticContainerRegistryImage", "published image"),
}
"""Those that can be a construct's main resource; another shows under its construct's path, with GENERIC_ICON."""
