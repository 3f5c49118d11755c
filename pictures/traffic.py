"""The arrows of the architecture: requests, the rules of security groups, and what is read at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pictures import icons
from pictures.canvas import Canvas
from pictures.containers import Container, Containers
from pictures.model import Node
from pictures.resources import Platform, Resource
from pictures.subnets import Subnets

EGRESS, INGRESS = "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"
ANYWHERE = ("0.0.0.0/0", "::/0")
CLIENT, INTERNET = "client", "internet"

_CALLERS = ("aws_lambda_function", "aws_sagemaker_notebook_instance")
_READ = ("aws_ecr_repository", "aws_s3_bucket", "aws_secretsmanager_secret")
# Other arrows between two boxes: the type that refers, and the type that it refers to.
_BELONGS = (
    ("aws_wafv2_web_acl_association", "aws_lb"),
    ("aws_route53_record", "aws_lb"),
    ("aws_sagemaker_user_profile", "aws_sagemaker_domain"),
    ("aws_ecs_service", "aws_service_discovery_service"),
)


def port(rule: Resource) -> str:
    """The port that a rule of a security group lets through: 443, 8192-65535, udp 53, or all."""
    protocol, first, last = rule.text("ip_protocol"), rule.text("from_port"), rule.text("to_port")
    if protocol == "-1":
        return "all ports"
    ports = first if first == last else f"{first}-{last}"
    return ports if protocol == "tcp" else f"{protocol} {ports}".strip()


class Traffic:
    """Draws the arrows on a canvas that has the boxes."""

    def __init__(
        self,
        platform: Platform,
        canvas: Canvas,
        part_of: Mapping[Resource, str],
        containers: Containers,
        subnets: Subnets,
    ) -> None:
        self._platform, self._canvas, self._part_of = platform, canvas, part_of
        self._containers, self._subnets = containers, subnets

    def draw(self) -> None:
        """Draw them all: first the way of a request, for the layout follows the first ones."""
        self._to_the_api()
        self._behind_the_api()
        self._rules()
        self._within_the_task()
        self._ways_out()
        self._reads()
        self._belonging()

    # --- requests ---

    def _to_the_api(self) -> None:
        for api in self._platform.of_type("aws_apigatewayv2_api"):
            id = self._part_of[api]
            mappings = [
                each for each in self._platform.referrers.get(api, ()) if each.type == "aws_apigatewayv2_api_mapping"
            ]
            for mapping in mappings:
                self._canvas.edge(CLIENT, self._part_of[mapping], "HTTPS", of=[mapping])
                self._canvas.edge(self._part_of[mapping], id, of=[mapping])
            if not api.values.get("disable_execute_api_endpoint"):
                self._canvas.edge(CLIENT, id, "HTTPS", of=[api])

    def _behind_the_api(self) -> None:
        for integration in self._platform.of_type("aws_apigatewayv2_integration"):
            for link in self._platform.resolve(integration.stack, integration.values.get("connection_id")):
                self._canvas.edge(self._part_of[integration], self._part_of[link], of=[integration])
        for authorizer in self._platform.of_type("aws_apigatewayv2_authorizer"):
            self._canvas.edge(self._part_of[authorizer], self._who_decides(authorizer), "who calls?", of=[authorizer])

    def _who_decides(self, authorizer: Resource) -> str:
        """The box of who checks the callers: ours, or one for somebody else's."""
        for each in self._platform.references(authorizer):
            if each.type in ("aws_lambda_function", "aws_cognito_user_pool"):
                return self._part_of[each]
        issuer = authorizer.block("jwt_configuration").get("issuer")
        if issuer:
            host = str(issuer).removeprefix("https://").partition("/")[0]
            node = Node("identity-provider", f"{icons.IDENTITY_PROVIDER.label}\n{host}", icons.IDENTITY_PROVIDER.icon)
        else:
            kind = icons.KINDS["aws_lambda_function"]
            name = authorizer.text("authorizer_uri").removesuffix("/invocations").rpartition(":")[2]
            node = Node("their-authorizer", f"{kind.label}\n{name}", kind.icon)
        self._canvas.node(node)
        return node.id

    def _within_the_task(self) -> None:
        for outer in self._containers.all:
            for inner in self._containers.all:
                inner_port = self._containers.inner_port(outer, inner.name)
                if inner_port:
                    self._canvas.edge(outer.name, inner.name, f"127.0.0.1:{inner_port}")

    # --- security groups ---

    def _rules(self) -> None:
        for rule in self._platform.of_type(EGRESS, INGRESS):
            group = self._platform.first(rule.stack, rule.values.get("security_group_id"), "aws_security_group")
            peer_group = rule.values.get("referenced_security_group_id")
            peer = self._platform.first(rule.stack, peer_group, "aws_security_group")
            outgoing = rule.type == EGRESS
            own = self._speaker(rule, group, rule.text("security_group_id"), calls=outgoing, other=peer)
            if peer_group:
                far = self._speaker(rule, peer, str(peer_group), calls=not outgoing, other=group)
            else:
                far = self._far_side(rule, group)
            source, target = (own, far) if outgoing else (far, own)
            self._canvas.edge(source, target, port(rule), of=[rule])

    def _speaker(
        self, rule: Resource, group: Resource | None, named: str, *, calls: bool, other: Resource | None
    ) -> str:
        """The box behind a security group; of a task the container that *calls* the *other* side, or listens."""
        if group is None:
            return self._stranger(named)
        part = self._part_of[group]
        if part in self._canvas.nodes:
            return part
        container = (
            self._containers.calling(self._resources_beside(other))
            if calls
            else self._containers.listening(rule.values.get("to_port"))
        )
        return container.name if container else "task"

    def _resources_beside(self, group: Resource | None) -> Sequence[Resource]:
        part = self._part_of[group] if group else None
        return [resource for resource, its_part in self._part_of.items() if its_part == part]

    def _stranger(self, name: str) -> str:
        """A box for a security group, or for addresses, that nothing here stands behind."""
        id = f"outside-{name}".lower()
        is_group = name.startswith("sg-") or "${" in name
        kind = icons.SECURITY_GROUP if is_group else icons.NETWORK
        self._canvas.node(Node(id, f"{kind.label}\n{name}", kind.icon))
        return id

    def _far_side(self, rule: Resource, group: Resource | None) -> str:
        """Where addresses are: behind the NAT gateways, if there are any and they are the way out; else outside."""
        cidr = rule.text("cidr_ipv4") or rule.text("cidr_ipv6") or rule.text("prefix_list_id")
        if cidr not in ANYWHERE:
            return self._stranger(cidr)
        if rule.type == EGRESS and group is not None:
            for route in self._routes_of(group):
                for target in self._platform.references(route):
                    if target.type == "aws_nat_gateway":
                        return self._part_of[target]
        return self._internet()

    def _routes_of(self, group: Resource) -> Iterator[Resource]:
        """The routes of the subnets in which what has the security *group* stands."""
        tables = self._subnets.route_tables(self._platform.referrers.get(group, ()))
        return (each for each in self._platform.of_type("aws_route") if tables & set(self._platform.references(each)))

    def _internet(self) -> str:
        self._canvas.node(Node(INTERNET, icons.INTERNET.label, icons.INTERNET.icon))
        return INTERNET

    def _ways_out(self) -> None:
        for gateway in self._platform.of_type("aws_internet_gateway"):
            id = self._part_of[gateway]
            routes = [each for each in self._platform.referrers.get(gateway, ()) if each.type == "aws_route"]
            for nat in self._platform.of_type("aws_nat_gateway"):
                self._canvas.edge(self._part_of[nat], id, of=routes)
            self._canvas.edge(id, self._internet(), of=[gateway])

    # --- what is read, and what belongs together ---

    def _reads(self) -> None:
        for container in self._containers.all:
            for target in self._containers.references(container):
                self._read(container.name, target, [container.task])
        for caller in self._platform.of_type(*_CALLERS):
            id = self._part_of[caller]
            for resource in self._resources_beside(caller):
                for target in self._platform.references(resource):
                    self._read(id, target, [resource])
                    self._calls_by_public_address(id, target, resource)

    def _read(self, reader: str, target: Resource, of: Sequence[Resource]) -> None:
        if target.type not in _READ:
            return
        id = self._part_of[target]
        endpoint = self._endpoint(of) if target.type == "aws_s3_bucket" else None
        if endpoint is None:
            self._canvas.edge(reader, id, of=of, dashed=True)
        else:
            self._canvas.edge(reader, self._part_of[endpoint], of=of, dashed=True)
            self._canvas.edge(self._part_of[endpoint], id, of=[endpoint], dashed=True)

    def _calls_by_public_address(self, caller: str, target: Resource, of: Resource) -> None:
        """A notebook that may not speak to the load balancer calls the API, as everybody does."""
        if target.type == "aws_apigatewayv2_api" and of.type.startswith("aws_sagemaker_"):
            balancers = {self._part_of[each] for each in self._platform.of_type("aws_lb")}
            if not any(self._canvas.has_edge(caller, balancer) for balancer in balancers):
                self._canvas.edge(caller, self._part_of[target], of=[of], dashed=True)

    def _endpoint(self, of: Sequence[Resource]) -> Resource | None:
        """The gateway endpoint of S3 in the subnets of the part that the resources *of* belong to."""
        beside = self._resources_beside(of[0])
        tables = self._subnets.route_tables(beside)
        for endpoint in self._platform.of_type("aws_vpc_endpoint"):
            if endpoint.text("service_name").endswith(".s3") and tables & set(self._platform.references(endpoint)):
                return endpoint
        return None

    def _belonging(self) -> None:
        for source_type, target_type in _BELONGS:
            for resource in self._platform.of_type(source_type):
                for target in self._platform.references(resource):
                    if target.type == target_type:
                        self._canvas.edge(self._box_of(resource), self._part_of[target], of=[resource], dashed=True)

    def _box_of(self, resource: Resource) -> str:
        """The box of *resource*; for the frame of a task the container that others reach."""
        part = self._part_of[resource]
        outermost: Container | None = self._containers.listening(None)
        return part if part in self._canvas.nodes or outermost is None else outermost.name
