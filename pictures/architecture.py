"""The whole platform in one picture: what there is, where it stands, and who may speak to whom.

Solid arrows are requests: the client's, and what the rules of the security groups let through, with the port. Dashed
ones are what is read at the start, or belongs together. What everything uses is there without arrows: key and logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pictures import icons
from pictures.canvas import Canvas, addresses
from pictures.constructs import Part, parts, says_nothing_new
from pictures.containers import Containers
from pictures.model import Diagram, Group, Node
from pictures.resources import Configuration, Platform, Resource
from pictures.subnets import VPC, Subnets
from pictures.traffic import Traffic

ACCOUNT, SERVICE = "account", "service"
LOGS, NAT, INTERNET_GATEWAY, IMAGES, ENDPOINTS = "logs", "nat", "internet-gateway", "images", "interface-endpoints"

_TITLE = "The platform"
_DESCRIPTION = (
    "Who may speak to whom on which port, as the rules of the security groups say, and what stands beside it."
)

# Of these there are many, in several constructs; a reader wants to see one box.
_GATHERED = {
    "aws_cloudwatch_log_group": LOGS,
    "aws_ecr_lifecycle_policy": IMAGES,
    "aws_ecr_repository": IMAGES,
    "aws_eip": NAT,
    "aws_internet_gateway": INTERNET_GATEWAY,
    "aws_nat_gateway": NAT,
}
_SERVICE_TYPES = ("aws_appautoscaling_target", "aws_ecs_service", "aws_ecs_task_definition")

# No boxes of their own: a construct with such a main resource belongs to one that refers to it, or that it refers to.
_OF_REFERRER = ("aws_iam_role", "aws_s3_object")
_OF_TARGET = ("aws_iam_policy", "terraform_data")

_IN_VPC = ("aws_flow_log", "aws_internet_gateway", "aws_vpc_endpoint")


def architecture(stacks: Mapping[str, Configuration]) -> Diagram:
    """Draw *stacks*, the configurations of one environment by the stacks' names."""
    return _Architecture(Platform(stacks)).diagram()


class _Architecture:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._subnets = Subnets(platform)
        self._containers = Containers(platform)
        self._canvas = Canvas(_TITLE, _DESCRIPTION, "TB")
        self._part_of = assignment(platform)
        self._parts: dict[str, list[Resource]] = {}
        for resource, part in self._part_of.items():
            self._parts.setdefault(part, []).append(resource)

    def diagram(self) -> Diagram:
        self._frames()
        self._canvas.node(Node("client", icons.CLIENT.label, icons.CLIENT.icon))
        for id, resources in self._parts.items():
            if id == SERVICE:
                self._tasks(resources)
            elif id != VPC:
                self._box(id, resources)
        self._state()
        Traffic(self._platform, self._canvas, self._part_of, self._containers, self._subnets).draw()
        return self._canvas.diagram()

    def _frames(self) -> None:
        self._canvas.group(Group(ACCOUNT, self._account(), icon=icons.ACCOUNT_FRAME))
        in_vpc = self._parts.get(VPC, [])
        for group in self._subnets.groups(ACCOUNT):
            of_tiers = group.addresses | (addresses(in_vpc) if group.id == VPC else frozenset())
            self._canvas.group(Group(group.id, group.label, group.parent, group.icon, of_tiers, main=group.main))

    def _account(self) -> str:
        """The frame around it all says which account and region, as far as the provider's block does."""
        for configuration in self._platform.stacks.values():
            for provider in configuration.get("provider", {}).get("aws", ()):
                account = next(iter(provider.get("allowed_account_ids") or ()), "")
                return ", ".join(filter(None, [f"AWS account {account}".strip(), provider.get("region")]))
        return "AWS account"

    def _tasks(self, resources: Sequence[Resource]) -> None:
        """The frame of the ECS service, with its containers."""
        main = addresses(each for each in resources if each.type == "aws_ecs_service")
        tier = self._subnets.tier(resources) or ACCOUNT
        self._canvas.group(
            Group(SERVICE, _service_label(resources), tier, icons.TASK_FRAME, addresses(resources), main=main)
        )
        definitions = addresses(each for each in resources if each.type == "aws_ecs_task_definition")
        for container in self._containers.all:
            self._canvas.node(
                Node(container.name, container.title, icons.CONTAINER.icon, SERVICE, definitions, main=definitions)
            )
        if not self._containers.all:
            kind = icons.KINDS["aws_ecs_task_definition"]
            self._canvas.node(Node("task", kind.label, kind.icon, SERVICE, definitions, main=definitions))

    def _box(self, id: str, resources: Sequence[Resource]) -> None:
        part = Part(id, tuple(resources), (*_OF_REFERRER, *_OF_TARGET))
        main = [each for each in resources if each.type == part.main.type]
        node = Node(id, _label(part, main), part.icon, self._frame(resources), addresses(resources))
        self._canvas.node(Node(**{**vars(node), "main": addresses(main)}))

    def _frame(self, resources: Sequence[Resource]) -> str:
        in_vpc = any(each.type in _IN_VPC for each in resources)
        return self._subnets.tier(resources) or (VPC if in_vpc else ACCOUNT)

    def _state(self) -> None:
        """Where Terraform keeps the state, as the backends say: their stack may not be one of these."""
        for configuration in self._platform.stacks.values():
            backend = configuration.get("terraform", {}).get("backend", {}).get("s3", {})
            for key, kind in (("bucket", "aws_s3_bucket"), ("dynamodb_table", "aws_dynamodb_table")):
                name = backend.get(key)
                made = {each.values.get("bucket") or each.values.get("name") for each in self._platform.of_type(kind)}
                if name and name not in made:
                    label = "S3 bucket\nstate" if key == "bucket" else "DynamoDB table\nlock"
                    id = "state" if key == "bucket" else "lock"
                    self._canvas.node(Node(id, label, icons.KINDS[kind].icon, ACCOUNT))


def assignment(platform: Platform) -> Mapping[Resource, str]:
    """The id of the box or frame that each resource belongs to."""
    constructs = parts(platform, platform.stacks)
    ids: dict[Resource, str] = {}
    for part in constructs.values():
        for resource in part.resources:
            ids[resource] = _GATHERED.get(resource.type) or _own_part(platform, part, resource)
    for part in constructs.values():
        if part.main.type in (*_OF_REFERRER, *_OF_TARGET):
            ids |= dict.fromkeys(part.resources, _host(platform, part, ids))
    return ids


def _own_part(platform: Platform, part: Part, resource: Resource) -> str:
    if part.main.type in _SERVICE_TYPES:
        return SERVICE
    if part.main.type == "aws_vpc":
        return _network_part(platform, resource)
    return part.id


def _network_part(platform: Platform, resource: Resource) -> str:
    """The construct of the network is a frame; in it, endpoints are boxes."""
    if resource.type == "aws_vpc_endpoint":
        return f"{_service_name(resource)}-endpoint" if _is_gateway_endpoint(resource) else ENDPOINTS
    if any(each.type == "aws_vpc_endpoint" for each in platform.referrers.get(resource, ())):
        return ENDPOINTS if resource.type == "aws_security_group" else VPC
    return VPC


def _is_gateway_endpoint(resource: Resource) -> bool:
    return resource.type == "aws_vpc_endpoint" and resource.text("vpc_endpoint_type") != "Interface"


def _service_name(endpoint: Resource) -> str:
    """``ecr.api`` of ``com.amazonaws.${...}.ecr.api``."""
    name = endpoint.text("service_name")
    return name.partition("}.")[2] or name


def _host(platform: Platform, part: Part, ids: Mapping[Resource, str]) -> str:
    """The box that *part*, which has none of its own, belongs to."""
    outgoing = [target for resource in part.resources for target in platform.references(resource)]
    incoming = [source for resource in part.resources for source in platform.referrers.get(resource, ())]
    ordered = [*incoming, *outgoing] if part.main.type in _OF_REFERRER else [*outgoing, *incoming]
    return next((ids[each] for each in ordered if ids[each] != part.id), part.id)


def _label(part: Part, main: Sequence[Resource]) -> str:
    kind = icons.GATEWAY_ENDPOINT if _is_gateway_endpoint(part.main) else icons.KINDS.get(part.main.type)
    if kind is None:
        return part.label
    words = kind.label if len(main) == 1 else f"{len(main)} {_plural(kind.label)}"
    more = list(_details(part, main))
    if more or len(main) > 1 or says_nothing_new(part.main.construct, kind.label):
        return "\n".join([words, *more])
    return f"{words}\n{part.main.construct}"


def _plural(words: str) -> str:
    return f"{words[:-1]}ies" if words.endswith("y") and not words.endswith(("ay", "ey")) else f"{words}s"


def _details(part: Part, main: Sequence[Resource]) -> Iterator[str]:
    """What a reader of the picture wants to know besides what it is."""
    resource = part.main
    match resource.type:
        case "aws_rds_cluster":
            capacity = resource.block("serverlessv2_scaling_configuration")
            if capacity:
                yield f"{capacity.get('min_capacity'):g} to {capacity.get('max_capacity'):g} ACU"
        case "aws_lb":
            yield "internal" if resource.values.get("internal") else "public"
        case "aws_vpc_endpoint":
            yield from _lines([_service_name(each) for each in main])
        case "aws_apigatewayv2_domain_name":
            yield resource.text("domain_name")
        case "aws_route53_zone":
            yield resource.text("name")
        case "aws_service_discovery_service":
            yield resource.text("name")


def _lines(names: Sequence[str]) -> Iterator[str]:
    """Two names in a line."""
    for index in range(0, len(names), 2):
        yield ", ".join(names[index : index + 2])


def _service_label(resources: Sequence[Resource]) -> str:
    spot = any(
        strategy.get("capacity_provider") == "FARGATE_SPOT"
        for resource in resources
        if resource.type == "aws_ecs_service"
        for strategy in resource.blocks("capacity_provider_strategy")
    )
    label = "ECS service on Fargate Spot" if spot else "ECS service on Fargate"
    for resource in resources:
        if resource.type == "aws_appautoscaling_target":
            return f"{label}, {resource.text('min_capacity')} to {resource.text('max_capacity')} tasks"
    return label
