"""What callers meet: routes, domain, allowed addresses, the load balancer and its firewall."""

from __future__ import annotations

import pytest

from settings import RouteSettings
from tests.unit.settings_file import loaded, refusal

CERTIFICATE = "arn:aws:acm:us-west-2:012345678901:certificate/0123abcd-0123-0123-0123-0123456789ab"
ELSEWHERE = CERTIFICATE.replace("us-west-2", "us-east-1")
LIMITS = "throttling_rate_limit = 10, throttling_burst_limit = 20"
JWT = 'access = { type = "jwt", issuer = "https://a.b", audiences = ["x"] }'
COGNITO = 'access = { type = "jwt", cognito = { domain_prefix = "x", callback_urls = ["https://a.b"] } }'


def test_nothing_of_it_is_on_by_default() -> None:
    settings = loaded("")
    assert (settings.api.routes, settings.api.allowed_cidrs, settings.api.domain) == ({}, (), None)
    balancer = settings.load_balancer
    assert (balancer.certificate_arn, balancer.server_name, balancer.client_security_groups, balancer.waf) == (
        None,
        None,
        (),
        None,
    )


# --- routes ---


@pytest.mark.parametrize(
    "key",
    [
        "POST /api/2.0/mlflow/runs/log-batch",
        "ANY /api/2.0/mlflow-artifacts/{proxy+}",
        "GET /",
        "HEAD /version",
        "PUT /a/{b}/c",
        "PATCH /a.b_c:d",
        "DELETE /{proxy+}",
        "OPTIONS /{one}",
    ],
)
def test_accepts_a_method_and_a_path(key: str) -> None:
    routes = loaded(f'api = {{ routes = {{ "{key}" = {{ {LIMITS} }} }} }}').api.routes
    assert routes == {key: RouteSettings(throttling_rate_limit=10, throttling_burst_limit=20)}


def test_accepts_scopes_of_a_route() -> None:
    routes = loaded(f'{JWT}\napi = {{ routes = {{ "POST /x" = {{ scopes = ["write"] }} }} }}').api.routes
    assert routes["POST /x"].scopes == ("write",)
    assert loaded(f'{COGNITO}\napi = {{ routes = {{ "POST /x" = {{ scopes = ["mlflow/write"] }} }} }}').api.routes


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("$default", '"ANY /" and "ANY /{proxy+}" leave nothing to it; name a method and a path'),
        (
            "ANY /",
            "is there anyway; remove it, and set api.throttling_rate_limit and api.throttling_burst_limit, or acc",
        ),
        ("ANY /{proxy+}", "is there anyway; remove it, and set api.throttling_rate_limit"),
        ("ANY /{everything+}", "is there anyway; remove it, and set api.throttling_rate_limit"),
        ("", "set a method (ANY, GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS), a space and a path"),
        ("/api/2.0/mlflow/runs/create", "set a method (ANY, GET"),
        ("post /x", "set a method (ANY, GET"),
        ("TRACE /x", "set a method (ANY, GET"),
        ("POST x", "set a method (ANY, GET"),
        ("POST/x", "set a method (ANY, GET"),
        ("GET /{proxy+}/x", "API Gateway takes a greedy {name+} at the end only; move it there, or write {name}"),
        ("GET /a//b", "between slashes go letters, digits and . _ : -, or one {name}, or {name+} at the end"),
        ("GET /a/", "between slashes go letters"),
        ("GET /a b", "between slashes go letters"),
        ("GET /a?b=c", "between slashes go letters"),
        ("GET /%61pi", "between slashes go letters"),
        ("GET /a{b}", "between slashes go letters"),
        ("GET /{}", "between slashes go letters"),
        ("GET /{a+}{b}", "between slashes go letters"),
        ("GET /a\\n", "between slashes go letters"),
    ],
)
def test_refuses_a_route_key(key: str, remedy: str) -> None:
    message = refusal(f'api = {{\n  routes = {{\n    "{key}" = {{ {LIMITS} }}\n  }}\n}}')
    assert message.startswith(f'dev.tfvars:3: api.routes["{key}"]: ')
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("GET /a/{b}", "GET /a/{c}"),
        ("GET /a/{b+}", "GET /a/{c+}"),
        ("POST /api/2.0/mlflow/runs/create", "POST /ajax-api/2.0/mlflow/runs/create"),
    ],
)
def test_refuses_two_keys_of_the_same_route(first: str, second: str) -> None:
    message = refusal(f'api = {{ routes = {{\n"{first}" = {{ {LIMITS} }}\n"{second}" = {{ {LIMITS} }}\n}} }}')
    assert message.startswith(f'dev.tfvars:3: api.routes["{second}"] = {{ throttling_rate_limit = 10')
    assert message.endswith(f': is the same route as "{first}"; keep one of them')


@pytest.mark.parametrize(
    ("first", "second"),
    [("GET /a/{b}", "POST /a/{b}"), ("GET /a/{b}", "GET /a/{b+}"), ("GET /a", "GET /A"), ("GET /a-b", "GET /a.b")],
)
def test_accepts_keys_that_only_look_alike(first: str, second: str) -> None:
    assert (
        len(loaded(f'api = {{ routes = {{ "{first}" = {{ {LIMITS} }}, "{second}" = {{ {LIMITS} }} }} }}').api.routes)
        == 2
    )


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (
            "{}",
            'api.routes["GET /x"] = {}: sets nothing; set scopes, or throttling_rate_limit and throttling_burst_limit, '
            "or remove the route",
        ),
        (
            "{ scopes = [] }",
            'api.routes["GET /x"] = { scopes = [] }: sets nothing; set scopes, or throttling_rate_limit',
        ),
        (
            "{ throttling_rate_limit = 5 }",
            'api.routes["GET /x"].throttling_rate_limit = 5: the two limits go together; set throttling_burst_limit as '
            "well, or remove throttling_rate_limit",
        ),
        (
            "{ throttling_burst_limit = 5 }",
            'api.routes["GET /x"].throttling_burst_limit = 5: the two limits go together; set throttling_rate_limit as',
        ),
        (
            '{ scopes = ["read"] }',
            'api.routes["GET /x"].scopes = ["read"]: access.type = "basic" knows no scopes; remove them, or set '
            'access.type = "jwt"',
        ),
    ],
)
def test_refuses_a_route_that_does_not_add_up(route: str, message: str) -> None:
    text = refusal(f'api = {{ routes = {{ "GET /x" = {route} }} }}')
    assert text.startswith(f"dev.tfvars:1: {message}")
    assert "\n" not in text


def test_refuses_scopes_of_a_route_that_no_token_of_the_user_pool_has() -> None:
    routes = 'api = {\nroutes = {\n"GET /x" = {\nscopes = [\n"mlflow/read",\n"admin"]\n}\n}\n}'
    assert refusal(f"{COGNITO}\n{routes}").startswith(
        'dev.tfvars:7: api.routes["GET /x"].scopes[1] = "admin": scopes of'
    )


def test_refuses_a_route_in_place_of_the_login_page() -> None:
    routes = f'api = {{ routes = {{ "GET /" = {{ {LIMITS} }} }} }}'
    assert refusal(f'access = {{ type = "lambda" }}\n{routes}').endswith(
        ': is the login page of access.type = "lambda"; remove it, or set access.function_arn'
    )
    own = 'access = { type = "lambda", function_arn = "arn:aws:lambda:us-west-2:012345678901:function:x" }'
    assert "GET /" in loaded(f"{own}\n{routes}").api.routes


def test_an_access_that_is_refused_causes_no_complaints_about_routes() -> None:
    message = refusal('access = { type = "jwt" }\napi = { routes = { "GET /x" = { scopes = ["read"] } } }')
    assert len(message.splitlines()) == 1


def test_reports_the_mistakes_of_routes_and_domain_at_once() -> None:
    message = refusal(
        'api = {\n  routes = {\n    "GET /x" = { scopes = ["a"] }\n    "GET /y" = { scopes = ["a"] }\n  }\n'
        f'  domain = {{ name = "a.b.com", zone = "b.com", certificate_arn = "{ELSEWHERE}" }}\n}}'
    )
    assert [line.partition(": ")[0] for line in message.splitlines()] == [
        "dev.tfvars:3",
        "dev.tfvars:4",
        "dev.tfvars:6",
    ]


# --- addresses of callers ---


def test_networks_are_kept_as_python_writes_them() -> None:
    cidrs = loaded(
        'api = { allowed_cidrs = ["203.0.113.0/24", "198.51.100.7/32", "2001:DB8:0::/32"] }'
    ).api.allowed_cidrs
    assert cidrs == ("203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32")


@pytest.mark.parametrize(
    ("place", "value", "remedy"),
    [
        ("[0]", '["0.0.0.0/0"]', "allows everybody; leave allowed_cidrs out"),
        ("[1]", '["10.0.0.0/8", "::/0"]', "allows everybody; leave allowed_cidrs out"),
        ("[0]", '["203.0.113.7/24"]', "set 500 IPv4 or IPv6 networks at most, without host bits"),
        ("[0]", '["2001:db8::1/32"]', "set 500 IPv4 or IPv6 networks at most, without host bits"),
        ("[0]", '["203.0.113.7"]', "set 500 IPv4 or IPv6 networks at most, without host bits"),
        ("[0]", '["203.0.113.0/255.255.255.0"]', "set 500 IPv4 or IPv6"),
        ("[0]", '["203.0.113.0/33"]', "set 500 IPv4 or IPv6"),
        ("[0]", '["fe80::%eth0/64"]', "set 500 IPv4 or IPv6"),
        ("[0]", '["203.0.113.0/24 198.51.100.0/24"]', "set 500 IPv4 or IPv6"),
        ("[0]", '["example.com/24"]', "set 500 IPv4 or IPv6"),
        ("[0]", "[10]", "set 500 IPv4 or IPv6"),
        ("", '["203.0.113.0/24", "203.0.113.0/24"]', "listed more than once: 203.0.113.0/24; keep one of each"),
        ("", '["2001:db8::/32", "2001:DB8::/32"]', "listed more than once: 2001:db8::/32; keep one of each"),
        ("", "[" + ", ".join(f'"10.0.{n // 256}.{n % 256}/32"' for n in range(501)) + "]", "set 500 IPv4 or IPv6"),
    ],
)
def test_refuses_networks(place: str, value: str, remedy: str) -> None:
    message = refusal(f"api = {{ allowed_cidrs = {value} }}")
    assert message.startswith(f"dev.tfvars:1: api.allowed_cidrs{place} = ")
    assert remedy in message


# --- domain ---


@pytest.mark.parametrize(("name", "zone"), [("example.com", "example.com"), ("a.b.example.com", "example.com")])
def test_accepts_a_name_of_the_zone(name: str, zone: str) -> None:
    domain = loaded(f'api = {{ domain = {{ name = "{name}", zone = "{zone}" }} }}').api.domain
    assert domain is not None
    assert (domain.name, domain.zone, domain.certificate_arn) == (name, zone, None)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (
            'name = "mlflow.example.org", zone = "example.com"',
            ': is not in the zone; set "example.com" or a name that ends with ".example.com"',
        ),
        ('name = "myexample.com", zone = "example.com"', 'a name that ends with ".example.com"'),
        ('name = "Mlflow.example.com", zone = "example.com"', "set a domain name in lower case"),
        ('name = "*.example.com", zone = "example.com"', "set a domain name in lower case"),
        ('name = "mlflow.example.com.", zone = "example.com"', "set a domain name in lower case"),
        ('name = "https://mlflow.example.com", zone = "example.com"', "set a domain name in lower case"),
        ('name = "a_b.example.com", zone = "example.com"', "set a domain name in lower case"),
        ('name = "192.0.2.1", zone = "2.1"', "set a domain name in lower case"),
        ('name = "mlflow.example.com"', "zone: missing; set a domain name in lower case"),
        ('zone = "example.com"', "name: missing; set a domain name in lower case"),
        ('name = "' + "a" * 53 + '.example.com", zone = "example.com"', "ACM makes certificates for names of 64"),
        (
            f'name = "a.b.com", zone = "b.com", certificate_arn = "{ELSEWHERE}"',
            "the API is in us-west-2; set a certificate of that region",
        ),
        ('name = "a.b.com", zone = "b.com", certificate_arn = "x"', "set the ARN of a certificate of ACM"),
    ],
)
def test_refuses_a_domain(domain: str, message: str) -> None:
    text = refusal(f"api = {{ domain = {{ {domain} }} }}")
    assert text.splitlines()[0].startswith("dev.tfvars:1: api.domain.")
    assert message in text


def test_a_long_name_needs_a_certificate_of_ones_own() -> None:
    name = f"{'a' * 53}.example.com"
    assert loaded(
        f'api = {{ domain = {{ name = "{name}", zone = "example.com", certificate_arn = "{CERTIFICATE}" }} }}'
    ).api.domain


# --- load balancer ---


def test_accepts_a_load_balancer_with_everything() -> None:
    balancer = loaded(
        f'load_balancer = {{ certificate_arn = "{CERTIFICATE}", server_name = "mlflow.example.com", '
        'client_security_groups = ["sg-0123456789abcdef0", "sg-01234567"], waf = {} }'
    ).load_balancer
    assert balancer.waf is not None
    assert balancer.waf.rate_limit == 2000
    assert balancer.waf.managed_rule_groups == (
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    )


DOMAIN = 'api = { domain = { name = "mlflow.example.com", zone = "example.com" } }'
SAME_NAME = f'{DOMAIN}\nload_balancer = {{ certificate_arn = "{CERTIFICATE}", server_name = "mlflow.example.com" }}'


def test_the_load_balancer_must_not_hide_a_gateway_that_clients_in_the_vpc_have_to_ask() -> None:
    assert (
        'server_name = "mlflow.example.com": is api.domain.name, and inside the VPC would hide the gateway'
        in refusal(f'access = {{ type = "iam" }}\n{SAME_NAME}')
    )


def test_with_passwords_one_name_may_lead_to_the_gateway_outside_and_to_the_load_balancer_inside() -> None:
    assert loaded(SAME_NAME).load_balancer.server_name == "mlflow.example.com"


def test_a_firewall_may_do_without_rule_groups() -> None:
    waf = loaded("load_balancer = { waf = { managed_rule_groups = [], rate_limit = 10 } }").load_balancer.waf
    assert waf is not None
    assert (waf.managed_rule_groups, waf.rate_limit) == ((), 10)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            f'certificate_arn = "{CERTIFICATE}"',
            "the VPC link must know the name to verify; set server_name as well, or remove certificate_arn",
        ),
        (
            'server_name = "a.example.com"',
            'server_name = "a.example.com": is the name in a certificate; set certificate_arn as well, or',
        ),
        (
            f'certificate_arn = "{ELSEWHERE}", server_name = "a.example.com"',
            "the load balancer is in us-west-2; set a certificate of that region",
        ),
        ('certificate_arn = "arn:aws:iam::012345678901:server-certificate/x"', "set the ARN of a certificate of ACM"),
        ('server_name = "load balancer"', "set a domain name in lower case"),
        ('client_security_groups = ["default"]', "set IDs of security groups, such as"),
        ('client_security_groups = ["sg-01234567", "sg-01234567"]', "listed more than once: sg-01234567; keep one"),
        ("waf = { rate_limit = 9 }", "waf.rate_limit = 9: set a whole number from 10 to 2000000000"),
        ("waf = { rate_limit = 2000000001 }", "set a whole number from 10 to 2000000000"),
        ('waf = { managed_rule_groups = ["CommonRuleSet"] }', "set rule groups of AWS, such as"),
        (
            'waf = { managed_rule_groups = ["AWSManagedRulesSQLiRuleSet", "AWSManagedRulesSQLiRuleSet"] }',
            "listed more than once: AWSManagedRulesSQLiRuleSet; keep one of each",
        ),
        (
            'waf = { managed_rule_groups = ["AWSManagedRulesBotControlRuleSet"] }',
            "needs a configuration (WAFV2, ManagedRuleGroupConfig) that no setting gives; remove it",
        ),
        (
            'waf = { managed_rule_groups = ["AWSManagedRulesAmazonIpReputationList"] }',
            "judges connections, and all of them come from the VPC link; remove it",
        ),
    ],
)
def test_refuses_a_load_balancer(entry: str, message: str) -> None:
    text = refusal(f"load_balancer = {{ {entry} }}")
    assert text.startswith("dev.tfvars:1: load_balancer.")
    assert message in text
    assert "\n" not in text
