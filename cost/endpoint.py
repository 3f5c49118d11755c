"""The lines of what callers meet: the HTTP API, who checks them, and what goes out."""

from __future__ import annotations

from collections.abc import Iterator

from cost.arithmetic import beyond, exactly, number, plain, product, total, unknown
from cost.bill import Bill, Chapter, Component, several, shown
from cost.inventory import amount, text
from cost.model import Line, Resource

_API = Component("HTTP API")
_AUTHORIZER = Component("Authorizer")
_USERS = Component("User pool")

_MILLION = 1_000_000
_DEFAULT_MEMORY_MB = 128


def _api(bill: Bill) -> Iterator[Line]:
    apis = bill.all("aws_apigatewayv2_api")
    http = [api for api in apis if api.values.get("protocol_type") == "HTTP"]
    for api in apis:
        if api not in http:
            yield _API.unknown(f"API {api.name}", "the price of an API that is no HTTP API")
    asked = bill.usage.requests_millions
    if http:
        requests = product(asked, bill.price("http_api_millions"))
        yield _API.line("HTTP API, requests", f"{shown(asked)} million (usage.requests_millions)", requests)
    if bill.all("aws_apigatewayv2_vpc_link"):
        yield _API.line("VPC link of an HTTP API", "no charge", number(0))
    if http:
        yield _data_out(bill)


def _data_out(bill: Bill) -> Line:
    """A million answers of a KB are a GB."""
    usage = bill.usage
    quantity = exactly(usage.requests_millions) * exactly(usage.answer_kb)
    free = bill.prices.count("free_out_gb")
    answers = f"{shown(usage.requests_millions)} million answers of {shown(usage.answer_kb)} KB"
    whole = shown(float(quantity))
    assumption = f"{whole} GB ({answers}, usage.answer_kb); the first {free} GB of an account are free"
    rest = beyond(product(usage.requests_millions, usage.answer_kb), free)
    amount_ = number(0) if rest.value == 0 else product(rest, bill.price("out_gb"))
    return _API.line("Data out to the internet", assumption, amount_)


def _authorizer(bill: Bill) -> Iterator[Line]:
    for function in bill.all("aws_lambda_function"):
        if not function.name.startswith("authorizer"):
            yield _AUTHORIZER.unknown(f"Function {function.name}", "how often it is called is in no setting")
            continue
        yield _calls(bill, function)


def _calls(bill: Bill, function: Resource) -> Line:
    calls, seconds = bill.usage.requests_millions, bill.usage.authorizer_seconds
    memory = amount(function.values, "memory_size") or number(_DEFAULT_MEMORY_MB).value
    architectures = function.values.get("architectures") or ["x86_64"]
    architecture = architectures[0] if isinstance(architectures, list) else None
    known = architecture in ("arm64", "x86_64")
    price = bill.price(f"lambda_{architecture}_gb_second") if known else unknown("its architecture")
    gigabytes = number(exactly(memory or 0) / 1024)
    return _AUTHORIZER.line(
        "Lambda authorizer",
        f"{shown(calls)} million calls (usage.requests_millions; access.cache_seconds makes them fewer) of "
        f"{plain(seconds)} s (usage.authorizer_seconds) with {gigabytes.text} GB",
        total(
            product(calls, bill.price("lambda_millions")),
            product(calls, _MILLION, seconds, gigabytes, price),
        ),
    )


def _users(bill: Bill) -> Iterator[Line]:
    pools = bill.all("aws_cognito_user_pool")
    for pool in pools:
        item = "Cognito user pool" if len(pools) == 1 else f"Cognito user pool {pool.name}"
        tier = text(pool.values, "user_pool_tier") or "ESSENTIALS"
        free, signed_in = bill.prices.count("free_users"), bill.usage.cognito_users
        rest = beyond(signed_in, free)
        assumption = f"{several(signed_in, 'user')} (usage.cognito_users); the first {free:,} of an account are free"
        if tier != "ESSENTIALS":
            yield _USERS.unknown(item, f"the price of the tier {tier}")
        else:
            amount_ = number(0) if rest.value == 0 else product(rest, bill.price("cognito_user"))
            yield _USERS.line(item, assumption, amount_)


API = Chapter(frozenset({"aws_apigatewayv2_api", "aws_apigatewayv2_vpc_link"}), _api)
AUTHORIZER = Chapter(frozenset({"aws_lambda_function"}), _authorizer)
USERS = Chapter(frozenset({"aws_cognito_user_pool"}), _users)
