"""What each way to control access, and each part of the endpoint, makes of the stacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import main
from settings import LoadBalancerSettings, Settings
from tests.modes import (
    CERTIFICATE,
    DOMAIN,
    ENDPOINT,
    INSIDE_NAME,
    MODES,
    SECURITY_GROUP,
    STUDIO,
    STUDIO_DOMAIN,
    STUDIO_ELSEWHERE,
    changed,
)
from tests.unit.synthesis import Resource, Terraform, merged

PLATFORM, API, NOTEBOOK = "mlflow-vpclink", "http-api-gateway", "sagemaker-notebook"
WITH_PASSWORDS = {"basic", "lambda"}
TOLD = {
    "NOTEBOOK_NAME",
    "NOTEBOOK_FILES",
    "NOTEBOOK_FILES_SHA256",
    "IDLE_MINUTES",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_ACCESS",
    "AWS_DEFAULT_REGION",
    "LAB_PREFIX",
    "LAB_BUCKET",
    "LAB_ROLE_ARN",
    "LAB_TRACKING_URI",
}
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
NOTEBOOK_MAY = {
    "list-artifacts": ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
    "read-write-artifacts": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    ],
    "use-key": ["kms:Decrypt", "kms:GenerateDataKey"],
    "stop-itself": ["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"],
    "run-training-jobs": [f"sagemaker:{do}TrainingJob" for do in ("Create", "Describe", "Stop")],
    "make-models": [f"sagemaker:{do}Model" for do in ("Create", "Describe", "Delete")],
    "configure-endpoints": [
        *(f"sagemaker:{do}EndpointConfig" for do in ("Create", "Describe", "Delete")),
        "sagemaker:CreateEndpoint",
    ],
    "use-endpoints": [f"sagemaker:{do}Endpoint" for do in ("Create", "Describe", "Delete", "Invoke")],
    "pass-itself": ["iam:PassRole"],
    "log-in-to-registry": ["ecr:GetAuthorizationToken"],
    "pull-framework-images": [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ],
    "write-notebook-logs": _LOGS,
    "write-job-logs": _LOGS,
    "write-job-metrics": ["cloudwatch:PutMetricData"],
}
"""The role's permissions in every mode; on what, and with which conditions, test_notebook_role.py says."""

every_mode = pytest.mark.parametrize("mode", MODES)

Stacks = Mapping[str, Terraform]


@pytest.fixture(scope="module")
def synthesise(
    environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, Any]], Stacks]:
    """The stacks of dev, by their names without the environment, with changed settings."""

    def stacks_with(changes: Mapping[str, Any]) -> Stacks:
        outdir = tmp_path_factory.mktemp("mode")
        main.synthesise([changed(environments["dev"], changes)], outdir)
        return {stack: Terraform.read(outdir, f"dev-{stack}") for stack in (PLATFORM, API, NOTEBOOK)}

    return stacks_with


@pytest.fixture(scope="module")
def modes(synthesise: Callable[[Mapping[str, Any]], Stacks]) -> Mapping[str, Stacks]:
    return {mode: synthesise(changes) for mode, changes in MODES.items()}


@pytest.fixture(scope="module")
def endpoint(synthesise: Callable[[Mapping[str, Any]], Stacks]) -> Stacks:
    return synthesise(ENDPOINT)


def _access(mode: str) -> str:
    return str(MODES[mode]["access"].type)


def _nginx(stacks: Stacks) -> dict[str, str]:
    """The variables of nginx's container."""
    containers = stacks[PLATFORM].one("aws_ecs_task_definition").json("container_definitions")
    [nginx] = [container for container in containers if container["name"] == "nginx"]
    return {variable["name"]: variable["value"] for variable in nginx["environment"]}


def _role_of_the_notebook(stacks: Stacks) -> dict[str, dict[str, Any]]:
    notebook = stacks[NOTEBOOK]
    return notebook.permissions(notebook.one("aws_iam_role"))


def _told(stacks: Stacks) -> dict[str, str]:
    """The settings that the notebook's start script tells kernels and terminals, by their names."""
    settings = (
        stacks[NOTEBOOK].document["locals"]["notebook_on_start"].split("<<'SETTINGS'\n")[1].split("\nSETTINGS\n")[0]
    )
    lines = [line.partition("=") for line in settings.splitlines()]
    assert all(value[0] == value[-1] == "'" for _, _, value in lines)
    return {name: value[1:-1] for name, _, value in lines}


# --- who checks ---


@every_mode
def test_either_nginx_asks_for_a_password_or_it_answers_one_gateway_that_has_checked(
    modes: Mapping[str, Stacks], mode: str
) -> None:
    nginx, integration = _nginx(modes[mode]), _to_nginx(modes[mode])

    assert nginx["AUTH_MODE"] == ("basic" if mode == "basic" else "gateway")
    assert nginx.get("GATEWAY_ACCESS", "basic") == _access(mode)
    assert integration["request_parameters"]["overwrite:header.X-Gateway-Access"] == _access(mode)
    assert "DIRECT_CLIENTS" not in nginx


@every_mode
def test_all_routes_but_a_login_page_ask_for_what_the_mode_says(modes: Mapping[str, Stacks], mode: str) -> None:
    routes = {
        route["route_key"]: route["authorization_type"] for route in modes[mode][API].all("aws_apigatewayv2_route")
    }

    login = {"GET /"} if mode == "lambda" else set()
    asked = {"basic": "NONE", "none": "NONE", "iam": "AWS_IAM", "jwt": "JWT", "lambda": "CUSTOM"}[_access(mode)]
    assert {key for key, type in routes.items() if type != asked} == login
    assert routes.keys() >= {"ANY /", "ANY /{proxy+}"}


@every_mode
def test_the_secret_of_the_passwords_is_there_where_somebody_asks_for_one(
    modes: Mapping[str, Stacks], mode: str
) -> None:
    stacks, wanted = modes[mode], mode in WITH_PASSWORDS

    secrets = [secret["name_prefix"] for secret in stacks[PLATFORM].all("aws_secretsmanager_secret")]
    assert ("mlflow-dev/mlflow-credentials-" in secrets) is wanted
    assert ("mlflow_credentials_secret_arn" in stacks[PLATFORM].document["output"]) is wanted
    assert ("read-secret-mlflow-credentials" in _role_of_the_notebook(stacks)) is wanted
    execution = stacks[PLATFORM].one("aws_iam_role", name_prefix="mlflow-dev-execution-")
    assert ("read-secret-mlflow-credentials" in stacks[PLATFORM].permissions(execution)) is (mode == "basic")


@every_mode
def test_no_stored_argument_holds_a_password_or_a_clients_secret(modes: Mapping[str, Stacks], mode: str) -> None:
    for terraform in modes[mode].values():
        for version in terraform.all("aws_secretsmanager_secret_version"):
            assert "ephemeral." in version["secret_string_wo"]
        assert all(client["generate_secret"] is False for client in terraform.all("aws_cognito_user_pool_client"))


def test_more_users_are_known_to_whoever_checks(modes: Mapping[str, Stacks]) -> None:
    assert _nginx(modes["basic"])["AUTH_USERS"] == "alice bob"
    assert modes["lambda"][API].one("aws_lambda_function")["environment"]["variables"]["USERS"] == "alice bob"


def test_a_user_pool_of_ours_is_the_issuer_and_its_client_the_audience(modes: Mapping[str, Stacks]) -> None:
    terraform = modes["cognito"][API]
    pool, client = terraform.one("aws_cognito_user_pool"), terraform.one("aws_cognito_user_pool_client")

    configuration = terraform.one("aws_apigatewayv2_authorizer")["jwt_configuration"]
    assert configuration == {"issuer": f"https://{pool.ref('endpoint')}", "audience": [client.ref("id")]}
    [server] = terraform.all("aws_cognito_resource_server")
    assert {scope["scope_name"] for scope in server["scope"]} == {"use", "delete"}
    outputs = {"endpoint", "access", "user_pool_id", "user_pool_client_id", "token_issuer", "sign_in_url"}
    assert terraform.document["output"].keys() >= outputs


def test_callers_with_aws_credentials_get_a_policy_that_lets_them_invoke_and_no_more(
    modes: Mapping[str, Stacks],
) -> None:
    terraform = modes["iam"][API]

    [statement] = terraform.one("aws_iam_policy").json("policy")["Statement"]
    invoke = f"{terraform.one('aws_apigatewayv2_api').ref('execution_arn')}/$default/*"
    assert (statement["Action"], statement["Resource"]) == (["execute-api:Invoke"], [invoke])
    assert terraform.document["output"]["caller_policy_arn"]["value"] == terraform.one("aws_iam_policy").ref("arn")


# --- the notebook ---


@every_mode
def test_only_with_passwords_does_the_notebook_enter_behind_the_gateway(modes: Mapping[str, Stacks], mode: str) -> None:
    terraform = merged(modes[mode].values())

    callers = {
        caller for caller, server, _ in terraform.connections("ingress", "mlflow-dev") if server == "load-balancer"
    }
    assert callers == {"vpc-link", "notebook"} if mode == "basic" else {"vpc-link"}
    told = _told(modes[mode])
    assert told["MLFLOW_TRACKING_URI"].startswith("http://") is (mode == "basic")
    assert (told["MLFLOW_TRACKING_URI"] == told["LAB_TRACKING_URI"]) is (mode != "basic")


@every_mode
def test_the_notebook_may_invoke_the_api_where_iam_decides(modes: Mapping[str, Stacks], mode: str) -> None:
    stacks = modes[mode]

    assert ("invoke-api" in _role_of_the_notebook(stacks)) is (mode == "iam")
    assert (_told(stacks).get("MLFLOW_TRACKING_AWS_SIGV4") == "true") is (mode == "iam")


@every_mode
def test_the_notebook_is_told_these_settings_and_no_more(modes: Mapping[str, Stacks], mode: str) -> None:
    told = _told(modes[mode])

    signing = {"MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"}
    signing |= {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"}
    assert told.keys() == TOLD | ({"MLFLOW_CREDENTIALS_SECRET"} if mode in WITH_PASSWORDS else set()) | (
        signing if mode == "iam" else set()
    )
    assert (told["MLFLOW_ACCESS"], told["AWS_DEFAULT_REGION"]) == (_access(mode), "us-west-2")
    assert (told["NOTEBOOK_NAME"], told["LAB_PREFIX"], told["IDLE_MINUTES"]) == ("mlflow-dev", "mlflow-dev", "60")
    assert told["NOTEBOOK_FILES"] == f"s3://{told['LAB_BUCKET']}/notebook"
    assert told["LAB_ROLE_ARN"] == modes[mode][NOTEBOOK].one("aws_iam_role").ref("arn")


@every_mode
def test_the_notebooks_role_may_do_this_and_no_more(modes: Mapping[str, Stacks], mode: str) -> None:
    actions = {name: each["Action"] for name, each in _role_of_the_notebook(modes[mode]).items()}

    secret = {"read-secret-mlflow-credentials": ["secretsmanager:GetSecretValue"], "decrypt": ["kms:Decrypt"]}
    assert actions == {
        **NOTEBOOK_MAY,
        **(secret if mode in WITH_PASSWORDS else {}),
        **({"invoke-api": ["execute-api:Invoke"]} if mode == "iam" else {}),
    }


# --- Studio ---


def test_studio_has_a_domain_of_its_own_where_nobody_named_another(
    synthesise: Callable[[Mapping[str, Any]], Stacks],
) -> None:
    terraform = synthesise(STUDIO)[NOTEBOOK]

    profile, domain = terraform.one("aws_sagemaker_user_profile"), terraform.one("aws_sagemaker_domain")
    assert (domain["domain_name"], profile["user_profile_name"]) == ("mlflow-dev", "mlflow-dev")
    assert domain["retention_policy"] == {"home_efs_file_system": "Delete"}  # dev does not protect its data
    idle = profile["user_settings"]["jupyter_lab_app_settings"]["app_lifecycle_management"]["idle_settings"]
    assert idle["idle_timeout_in_minutes"] == 90
    outputs = terraform.document["output"]
    assert outputs["studio_domain_id"]["value"] == domain.ref("id")
    assert outputs["studio_user_profile"]["value"] == "mlflow-dev"


def test_studio_may_be_in_somebody_elses_domain(synthesise: Callable[[Mapping[str, Any]], Stacks]) -> None:
    terraform = synthesise(STUDIO_ELSEWHERE)[NOTEBOOK]

    profile = terraform.one("aws_sagemaker_user_profile")
    assert (profile["domain_id"], profile["user_profile_name"]) == (STUDIO_DOMAIN, "mlflow-team")
    assert "aws_sagemaker_domain" not in terraform.types
    assert terraform.document["output"]["studio_domain_id"]["value"] == STUDIO_DOMAIN


@pytest.mark.parametrize("studio", [STUDIO, STUDIO_ELSEWHERE], ids=["own", "elsewhere"])
def test_studio_adds_to_the_role_what_its_spaces_take(
    synthesise: Callable[[Mapping[str, Any]], Stacks], studio: Mapping[str, Any]
) -> None:
    granted = _role_of_the_notebook(synthesise({**MODES["iam"], **studio})).keys() - NOTEBOOK_MAY.keys()

    disks = {"encrypt-studio-disks", "lend-key-to-studio-disks"} if studio is STUDIO else set()
    assert granted == {
        "invoke-api",
        "run-studio-spaces",
        "tag-studio-spaces",
        "see-studio",
        "open-studio",
        "list-studio",
        *disks,
    }


@pytest.mark.parametrize("mode", [*MODES])
def test_the_role_of_the_longest_names_fits_what_iam_takes(
    synthesise: Callable[[Mapping[str, Any]], Stacks], mode: str
) -> None:
    terraform = synthesise({**MODES[mode], **STUDIO, "project": "p" * 20})[NOTEBOOK]

    policies = [policy["policy"] for policy in terraform.all("aws_iam_role_policy")]
    longest = [re.sub(r"\$\{[^}]*}", "x" * 60, re.sub(r"[ \n]", "", policy)) for policy in policies]
    # IAM quotas: 10,240 characters in all inline policies of a role, without white space.
    assert sum(map(len, longest)) <= 10_240


# --- the endpoint ---


def test_with_a_domain_the_endpoint_has_that_name_alone(endpoint: Stacks) -> None:
    terraform = endpoint[API]

    assert terraform.document["output"]["endpoint"]["value"] == f"https://{DOMAIN}"
    assert terraform.one("aws_apigatewayv2_api")["disable_execute_api_endpoint"] is True
    assert terraform.one("aws_apigatewayv2_domain_name")["domain_name"] == DOMAIN
    assert _told(endpoint)["MLFLOW_TRACKING_URI"] == f"https://{DOMAIN}"


def test_a_certificate_makes_the_way_to_the_load_balancer_https_and_its_name_is_verified(endpoint: Stacks) -> None:
    platform = endpoint[PLATFORM]
    listener = platform.one("aws_lb_listener")

    assert (listener["port"], listener["protocol"], listener["certificate_arn"]) == (443, "HTTPS", CERTIFICATE)
    assert _to_nginx(endpoint)["tls_config"] == {"server_name_to_verify": INSIDE_NAME}
    assert platform.one("aws_route53_zone")["name"] == INSIDE_NAME
    assert ("vpc-link", "load-balancer", 443) in _own_connections(platform)


def test_clients_in_the_vpc_are_let_in_by_name_and_then_trusted(endpoint: Stacks) -> None:
    rules = endpoint[PLATFORM].all("aws_vpc_security_group_ingress_rule", referenced_security_group_id=SECURITY_GROUP)

    [rule] = rules
    assert (rule["from_port"], rule["to_port"], rule["ip_protocol"]) == (443, 443, "tcp")
    assert _nginx(endpoint)["DIRECT_CLIENTS"] == "trusted"


def test_with_passwords_clients_in_the_vpc_are_asked_for_them(
    synthesise: Callable[[Mapping[str, Any]], Stacks],
) -> None:
    clients = LoadBalancerSettings(client_security_groups=(SECURITY_GROUP,))
    nginx = _nginx(synthesise({"load_balancer": clients}))

    assert nginx["AUTH_MODE"] == "basic"
    assert "DIRECT_CLIENTS" not in nginx


def test_networks_that_may_call_are_nginxs_to_check_and_floods_the_firewalls_by_the_same_header(
    endpoint: Stacks,
) -> None:
    assert _nginx(endpoint)["ALLOWED_CIDRS"] == "192.0.2.0/24 2001:db8::/32"
    rules = endpoint[PLATFORM].one("aws_wafv2_web_acl")["rule"]
    [limit] = [rule["statement"]["rate_based_statement"] for rule in rules if rule["name"] == "rate-limit"]
    header = limit["forwarded_ip_config"]["header_name"]
    assert _to_nginx(endpoint)["request_parameters"][f"overwrite:header.{header}"] == "$context.identity.sourceIp"


def test_a_route_may_have_limits_of_its_own(endpoint: Stacks) -> None:
    [first, second] = endpoint[API].one("aws_apigatewayv2_stage")["route_settings"]

    assert [first["route_key"], second["route_key"]] == [
        "POST /api/2.0/mlflow/runs/search",
        "POST /ajax-api/2.0/mlflow/runs/search",
    ]
    assert (first["throttling_rate_limit"], first["throttling_burst_limit"]) == (20, 40)


def test_most_environments_need_none_of_it(platform: Mapping[str, Terraform]) -> None:
    for environment in ("dev", "prod"):
        types = platform[f"{environment}-{PLATFORM}"].types | platform[f"{environment}-{API}"].types
        assert not [
            type for type in types if type.startswith(("aws_wafv2", "aws_route53", "aws_cognito", "aws_lambda"))
        ]


def _to_nginx(stacks: Stacks) -> Resource:
    return stacks[API].one("aws_apigatewayv2_integration", integration_type="HTTP_PROXY")


def _own_connections(terraform: Terraform) -> set[tuple[str, str, int]]:
    """Without rules for security groups of somebody else."""
    groups = terraform.document["resource"]["aws_vpc_security_group_ingress_rule"]
    own = {name: rule for name, rule in groups.items() if rule["referenced_security_group_id"] != SECURITY_GROUP}
    resources = {**terraform.document["resource"], "aws_vpc_security_group_ingress_rule": own}
    return Terraform({"resource": resources}).connections("ingress", "mlflow-dev")
