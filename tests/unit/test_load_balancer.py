from __future__ import annotations

import pytest
from cdktf import TerraformOutput

from constructs_lib.load_balancer import ListenerTls
from tests.unit.synthesis import NETWORK, Terraform, Workbench


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    stack.make_load_balancer()
    return stack.synthesise()


def test_it_is_internal_in_the_private_subnets_and_drops_invalid_headers(terraform: Terraform) -> None:
    balancer = terraform.one("aws_lb")

    assert (balancer["internal"], balancer["load_balancer_type"]) == (True, "application")
    assert balancer["subnets"] == list(NETWORK.private_subnet_ids)
    assert balancer["drop_invalid_header_fields"] is True


def test_it_waits_longer_than_an_http_api_does(terraform: Terraform) -> None:
    assert terraform.one("aws_lb")["idle_timeout"] > 30


def test_the_listener_forwards_to_ip_targets_on_the_given_port(terraform: Terraform) -> None:
    group = terraform.one("aws_lb_target_group")

    assert (group["target_type"], group["port"], group["protocol"]) == ("ip", 8080, "HTTP")
    assert terraform.one("aws_lb_listener") == {
        "load_balancer_arn": terraform.one("aws_lb").ref("arn"),
        "port": 80,
        "protocol": "HTTP",
        "default_action": [{"type": "forward", "target_group_arn": group.ref("arn")}],
    }


def test_a_target_is_healthy_while_its_health_check_answers_200(terraform: Terraform) -> None:
    check = terraform.one("aws_lb_target_group")["health_check"]

    assert (check["path"], check["matcher"]) == ("/healthy", "200")
    assert check["timeout"] < check["interval"]


def test_the_listener_moves_to_a_new_group_before_the_old_one_goes(terraform: Terraform) -> None:
    group = terraform.one("aws_lb_target_group")

    assert group["lifecycle"] == {"create_before_destroy": True}
    assert len(group["name_prefix"]) <= 6  # AWS provider: aws_lb_target_group


@pytest.mark.parametrize(("arguments", "protected"), [({}, True), ({"protect": False}, False)])
def test_it_can_be_deleted_only_if_unprotected(stack: Workbench, arguments: dict[str, bool], protected: bool) -> None:
    stack.make_load_balancer(**arguments)

    assert stack.synthesise().one("aws_lb")["enable_deletion_protection"] is protected


def test_nobody_may_connect_until_let_in_on_port_80(stack: Workbench) -> None:
    stack.load_balancer.connections.allow_from(stack.vpc_link, why="Requests")
    terraform = stack.synthesise()

    assert terraform.one("aws_lb")["security_groups"] == [
        terraform.one("aws_security_group", tags={"Name": "test-load-balancer"}).ref("id")
    ]
    assert terraform.connections("ingress") == {("vpc-link", "load-balancer", 80)}


TLS = ListenerTls("arn:aws:acm:us-west-2:012345678901:certificate/c", "mlflow.example.com")


def test_with_a_certificate_the_listener_speaks_https_by_tls_1_2_and_newer(stack: Workbench) -> None:
    stack.make_load_balancer(tls=TLS)
    listener = stack.synthesise().one("aws_lb_listener")

    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    assert listener["certificate_arn"] == TLS.certificate_arn
    assert listener["ssl_policy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"


def test_with_a_certificate_clients_are_let_in_on_port_443(stack: Workbench) -> None:
    stack.make_load_balancer(tls=TLS).connections.allow_from(stack.vpc_link, why="Requests")

    assert stack.synthesise().connections("ingress") == {("vpc-link", "load-balancer", 443)}


def test_clients_ask_for_the_name_in_the_certificate(stack: Workbench) -> None:
    balancer = stack.make_load_balancer(tls=TLS)

    assert (balancer.url, balancer.server_name) == ("https://mlflow.example.com", "mlflow.example.com")


def test_without_a_certificate_clients_ask_for_the_load_balancers_own_name(stack: Workbench) -> None:
    TerraformOutput(stack, "url", value=stack.load_balancer.url)
    terraform = stack.synthesise()

    assert stack.load_balancer.server_name is None
    assert terraform.document["output"]["url"]["value"] == f"http://{terraform.one('aws_lb').ref('dns_name')}"
