"""Resource types that cost nothing by themselves, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

_IAM = "IAM has no charge"
_VPC = "a part of a VPC, which has no charge by itself"
_API = "a part of the API; requests are billed"
_BUCKET = "a rule of the bucket; what it holds is billed"
_COGNITO = "a part of the user pool; users are billed"

FREE_TYPES: Mapping[str, str] = {
    "aws_acm_certificate": "public certificates have no charge",
    "aws_acm_certificate_validation": "no resource of AWS; it waits for the certificate",
    "aws_apigatewayv2_api_mapping": _API,
    "aws_apigatewayv2_authorizer": _API,
    "aws_apigatewayv2_domain_name": _API,
    "aws_apigatewayv2_integration": _API,
    "aws_cognito_resource_server": _COGNITO,
    "aws_cognito_user_pool_client": _COGNITO,
    "aws_cognito_user_pool_domain": _COGNITO,
    "aws_db_subnet_group": "a part of the database, which is billed",
    "aws_default_security_group": _VPC,
    "aws_ecr_lifecycle_policy": "a rule of the repository; images are billed",
    "aws_ecs_cluster_capacity_providers": "a part of the cluster; tasks are billed",
    "aws_iam_openid_connect_provider": _IAM,
    "aws_iam_policy": _IAM,
    "aws_iam_role": _IAM,
    "aws_iam_role_policy": _IAM,
    "aws_iam_role_policy_attachment": _IAM,
    "aws_internet_gateway": _VPC,
    "aws_kms_alias": "a name of the key, which is billed",
    "aws_lambda_permission": "a rule of the function; calls are billed",
    "aws_lb_listener": "a part of the load balancer, which is billed",
    "aws_lb_target_group": "a part of the load balancer, which is billed",
    "aws_rds_cluster_parameter_group": "a part of the database, which is billed",
    "aws_route": _VPC,
    "aws_route53_record": "a part of the zone, which is billed; queries for aliases of AWS have no charge",
    "aws_route_table": _VPC,
    "aws_route_table_association": _VPC,
    "aws_s3_bucket_ownership_controls": _BUCKET,
    "aws_s3_bucket_policy": _BUCKET,
    "aws_s3_bucket_public_access_block": _BUCKET,
    "aws_s3_bucket_server_side_encryption_configuration": _BUCKET,
    "aws_s3_bucket_versioning": _BUCKET,
    "aws_s3_object": "in the bucket; what it holds is billed",
    "aws_sagemaker_notebook_instance_lifecycle_configuration": "a part of the instance, which is billed",
    "aws_secretsmanager_secret_version": "a part of the secret, which is billed",
    "aws_security_group": _VPC,
    "aws_service_discovery_service": "ECS registers its tasks without charge; the zone is billed",
    "aws_subnet": _VPC,
    "aws_vpc": _VPC,
    "aws_vpc_security_group_egress_rule": _VPC,
    "aws_vpc_security_group_ingress_rule": _VPC,
    "aws_wafv2_web_acl_association": "a part of the web ACL, which is billed",
    "terraform_data": "no resource of AWS",
}
