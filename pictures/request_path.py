"""The way of a request: from the client to the database and the artifacts, with each port, as the resources say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pictures import icons
from pictures.canvas import Canvas, addresses
from pictures.constructs import says_nothing_new
from pictures.containers import Container, Containers
from pictures.model import Diagram, Group, Node
from pictures.resources import Configuration, Platform, Resource

_TITLE = "A request"
_DESCRIPTION = "The way of a request from the client to the database and the artifacts, with the ports."
_TASK = "task"
_CHECKS = {"NONE": "no authorizer", "AWS_IAM": "checks signatures", "JWT": "checks tokens", "CUSTOM": "asks a function"}


def request_path(stacks: Mapping[str, Configuration]) -> Diagram:
    """Draw the way of a request through *stacks*, the configurations of one environment by the stacks' names."""
    return _RequestPath(Platform(stacks)).diagram()


class _RequestPath:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._containers = Containers(platform)
        self._canvas = Canvas(_TITLE, _DESCRIPTION)

    def diagram(self) -> Diagram:
        self._canvas.node(Node("client", icons.CLIENT.label, icons.CLIENT.icon))
        for api in self._platform.of_type("aws_apigatewayv2_api"):
            self._api(api)
        for listener in self._platform.of_type("aws_lb_listener"):
            self._listener(listener)
        self._task()
        return self._canvas.diagram()

    def _api(self, api: Resource) -> None:
        routes = self._of_api(api, "aws_apigatewayv2_route")
        self._box("http-api", api, *_routes(routes), *_checks(routes), more=routes)
        for mapping in self._of_api(api, "aws_apigatewayv2_api_mapping"):
            domain = self._platform.first(mapping.stack, mapping.values, "aws_apigatewayv2_domain_name")
            if domain is not None:
                self._box("domain", domain, domain.text("domain_name"))
                self._canvas.edge("client", "domain", "HTTPS 443", of=[mapping])
                self._canvas.edge("domain", "http-api", of=[mapping])
        if not api.values.get("disable_execute_api_endpoint"):
            self._canvas.edge("client", "http-api", "HTTPS 443", of=[api])
        for authorizer in self._of_api(api, "aws_apigatewayv2_authorizer"):
            self._authorizer(authorizer)
        for integration in self._of_api(api, "aws_apigatewayv2_integration"):
            self._integration(integration)

    def _of_api(self, api: Resource, kind: str) -> list[Resource]:
        return [each for each in self._platform.referrers.get(api, ()) if each.type == kind]

    def _authorizer(self, authorizer: Resource) -> None:
        decides = [
            each
            for each in self._platform.references(authorizer)
            if each.type in ("aws_lambda_function", "aws_cognito_user_pool")
        ]
        issuer = str(authorizer.block("jwt_configuration").get("issuer", ""))
        if decides:
            self._box("authorizer", decides[0], _name(decides[0]), more=[authorizer])
        elif issuer:
            made = addresses([authorizer])
            label = f"{icons.IDENTITY_PROVIDER.label}\n{issuer.removeprefix('https://').partition('/')[0]}"
            self._canvas.node(Node("authorizer", label, icons.IDENTITY_PROVIDER.icon, None, made, main=made))
        else:
            kind = icons.KINDS["aws_lambda_function"]
            name = authorizer.text("authorizer_uri").removesuffix("/invocations").rpartition(":")[2]
            made = addresses([authorizer])
            self._canvas.node(Node("authorizer", f"{kind.label}\n{name}", kind.icon, None, made, main=made))
        self._canvas.edge("http-api", "authorizer", "who calls?", of=[authorizer])

    def _integration(self, integration: Resource) -> None:
        link = self._platform.first(
            integration.stack, integration.values.get("connection_id"), "aws_apigatewayv2_vpc_link"
        )
        if link is None:
            return
        self._box("vpc-link", link)
        seconds = int(integration.values.get("timeout_milliseconds") or 30_000) / 1000
        self._canvas.edge(
            "http-api", "vpc-link", f"{integration.text('integration_type')}\n{seconds:g} s", of=[integration]
        )

    def _listener(self, listener: Resource) -> None:
        balancer = self._platform.first(listener.stack, listener.values.get("load_balancer_arn"), "aws_lb")
        if balancer is None:
            return
        words = "internal" if balancer.values.get("internal") else "public"
        target = self._platform.first(listener.stack, listener.values.get("default_action"), "aws_lb_target_group")
        self._box("load-balancer", balancer, words, more=[listener, *([target] if target else [])])
        self._canvas.edge("vpc-link", "load-balancer", _protocol_and_port(listener), of=[listener])
        container = self._containers.listening(target.values.get("port")) if target else None
        if target is not None and container is not None:
            health = target.block("health_check").get("path")
            label = "\n".join([_protocol_and_port(target), *([f"health: {health}"] if health else [])])
            self._container(container)
            self._canvas.edge("load-balancer", container.name, label, of=[target])

    def _task(self) -> None:
        for outer in self._containers.all:
            self._container(outer)
            for inner in self._containers.all:
                port = self._containers.inner_port(outer, inner.name)
                if port:
                    self._container(inner)
                    self._canvas.edge(outer.name, inner.name, f"HTTP\n127.0.0.1:{port}", of=[outer.task])
            for target in dict.fromkeys(self._containers.references(outer)):
                self._behind(outer, target)

    def _container(self, container: Container) -> None:
        self._canvas.group(Group(_TASK, "ECS task", icon=icons.TASK_FRAME))
        made = addresses([container.task])
        checks = "\nchecks passwords" if container.variables.get("AUTH_MODE") == "basic" else ""
        self._canvas.node(Node(container.name, container.title + checks, icons.CONTAINER.icon, _TASK, made, main=made))

    def _behind(self, container: Container, target: Resource) -> None:
        """The database and the bucket that a container is told of."""
        if target.type == "aws_rds_cluster":
            self._box("database", target)
            tls = ", TLS" if self._takes_tls_only(target) else ""
            self._canvas.edge(container.name, "database", f"{target.text('port')}{tls}", of=[container.task])
        elif target.type == "aws_s3_bucket":
            self._box(target.top, target, _name(target))
            self._canvas.edge(container.name, target.top, "HTTPS 443", of=[container.task])

    def _takes_tls_only(self, cluster: Resource) -> bool:
        parameters = [
            parameter
            for each in self._platform.references(cluster)
            if each.type == "aws_rds_cluster_parameter_group"
            for parameter in each.blocks("parameter")
        ]
        return any(
            each.get("name") == "require_secure_transport" and str(each.get("value")).upper() in ("ON", "1")
            for each in parameters
        )

    def _box(self, id: str, resource: Resource, *lines: str, more: Iterable[Resource] = ()) -> None:
        kind = icons.KINDS[resource.type]
        label = "\n".join([kind.label, *(line for line in lines if line)])
        main = addresses([resource])
        self._canvas.node(Node(id, label, kind.icon, None, main | addresses(more), main=main))


def _name(resource: Resource) -> str:
    return "" if says_nothing_new(resource.construct, icons.KINDS[resource.type].label) else resource.construct


def _routes(routes: Iterable[Resource]) -> list[str]:
    """The routes that catch everything, and how many more there are."""
    keys = sorted(route.text("route_key") for route in routes)
    general = [key for key in keys if key.startswith("ANY ") or key == "$default"]
    rest = len(keys) - len(general)
    return [", ".join(general), f"and {rest} more" if rest else ""]


def _checks(routes: Iterable[Resource]) -> list[str]:
    found = sorted({route.text("authorization_type") or "NONE" for route in routes})
    general = [each for each in found if each != "NONE"] or found
    return [_CHECKS.get(each, each) for each in general]


def _protocol_and_port(resource: Resource) -> str:
    return f"{resource.text('protocol')} {resource.text('port')}"
