"""What checkov may find, each with the reason why it is right here.

``{check: {pattern of addresses: reason}}``. A suppression that covers nothing in its environment fails the tests.
"""

from __future__ import annotations

_EVERYWHERE = {
    # Inside the VPC
    "CKV_AWS_2": {"aws_lb_listener.*": "the VPC's own traffic; only security groups that are let in by name reach it"},
    "CKV_AWS_103": {
        "aws_lb_listener.*": "an HTTP listener inside the VPC, see CKV_AWS_2; callers use API Gateway's TLS"
    },
    "CKV_AWS_378": {"aws_lb_target_group.*": "the task ends no TLS; only the load balancer may connect to it"},
    "CKV2_AWS_20": {"aws_lb.*": "there is no HTTPS listener to redirect to, see CKV_AWS_2"},
    "CKV_AWS_91": {"aws_lb.*": "nginx behind it logs every request to CloudWatch"},
    "CKV_AWS_309": {
        "aws_apigatewayv2_route.*": "basic: nginx checks the password; none: asked for in words; GET /: the login page"
    },
    # Secrets
    "CKV2_AWS_57": {
        "aws_secretsmanager_secret.*": "rotated by secrets.rotation, which also starts new tasks; a Lambda would not"
    },
    "CKV_AWS_162": {"aws_rds_cluster.*": "MLflow's connection keeps one password; IAM's last for 15 minutes"},
    # Database
    "CKV_AWS_118": {"aws_rds_cluster_instance.*": "a serverless instance: CloudWatch has its capacity and CPU anyway"},
    "CKV_AWS_326": {"aws_rds_cluster.*": "backups restore any second; backtracking costs by every change"},
    "CKV_AWS_353": {
        "aws_rds_cluster_instance.*": "AWS advises 2 ACU at least with it; this database rests at 0 or 0.5"
    },
    "CKV_AWS_327": {"aws_rds_cluster.*": "AWS's key for RDS: a final snapshot outlives the environment and its key"},
    "CKV2_AWS_8": {"aws_rds_cluster.*": "Aurora's own backups, kept as long as the settings say"},
    # Buckets
    "CKV_AWS_18": {"aws_s3_bucket.*": "CloudTrail's data events are the account's access log; a bucket more is not"},
    "CKV_AWS_144": {"aws_s3_bucket.*": "the platform is in one region; versioning covers mistakes"},
    "CKV2_AWS_62": {"aws_s3_bucket.*": "nothing listens"},
    # State backend
    "CKV_AWS_119": {"aws_dynamodb_table.lock": "holds locks, no data; encrypted by AWS's key, or state.kms_key_id"},
    "CKV_AWS_145": {"aws_s3_bucket.state": "no secret is in a state; encrypted by S3's key, or state.kms_key_id"},
    "CKV2_AWS_61": {"aws_s3_bucket.state": "old versions are the way back from a broken state, and small"},
}

_DEV = {
    "CKV_AWS_139": {"aws_rds_cluster.*": "protect_data = false: dev is destroyed with its data"},
    "CKV_AWS_150": {"aws_lb.*": "protect_data = false: dev is destroyed with its data"},
    "CKV_AWS_338": {"aws_cloudwatch_log_group.*": "a week is enough in dev; prod keeps a year"},
    "CKV2_AWS_11": {"aws_vpc.*": "prod has flow logs; dev saves their cost"},
}

_MODES = {
    # The authorizer function
    "CKV_AWS_50": {"aws_lambda_function.authorizer": "its log and API Gateway's have what a trace would"},
    "CKV_AWS_116": {
        "aws_lambda_function.authorizer": "API Gateway waits for its answer: there is nothing to try again"
    },
    "CKV_AWS_117": {"aws_lambda_function.authorizer": "it needs nothing in the VPC, and would start more slowly there"},
    "CKV_AWS_272": {"aws_lambda_function.authorizer": "the plan names the hash of its code, which Terraform uploads"},
    # Studio
    "CKV2_AWS_5": {
        "aws_security_group.studio_domain_security_group": "SageMaker attaches it to the apps of the domain"
    },
    # The firewall
    "CKV2_AWS_31": {"aws_wafv2_web_acl.*": "metrics say what each rule refuses; nginx logs every request that passes"},
}

SUPPRESSIONS = {
    "dev": _EVERYWHERE | _DEV,
    "prod": _EVERYWHERE,
    "modes": _EVERYWHERE | _DEV | _MODES,
    "ci-roles": {},
}
