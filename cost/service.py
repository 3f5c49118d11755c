"""The lines of the service: Fargate, its metrics and alarms, the images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from cost.arithmetic import Amount, exactly, number, product, quotient, total, unknown
from cost.bill import AFTER_APPLY, HOURS, Bill, Chapter, Component, several, shown
from cost.inventory import amount, block, blocks, text
from cost.model import Line, Resource

_FARGATE = Component("Fargate")
_METRICS = Component("Metrics and alarms")
_IMAGES = Component("Images")

_ARCHITECTURES = {"ARM64": "arm64", "X86_64": "x86_64"}
_INCLUDED_DISK_GB = 20
_ALARMS_OF_TARGET_TRACKING = 2


def _fargate(bill: Bill) -> Iterator[Line]:
    services = bill.all("aws_ecs_service")
    for service in services:
        suffix = f" ({service.name})" if len(services) > 1 else ""
        yield from _tasks(bill, service, suffix)


def _tasks(bill: Bill, service: Resource, suffix: str) -> Iterator[Line]:
    task = _definition(bill, service)
    if task is None:
        yield _FARGATE.unknown(f"Fargate{suffix}", f"the task definition of {service.name} is {AFTER_APPLY}")
        return
    shares = _shares(service)
    if not shares:
        yield _FARGATE.unknown(
            f"Fargate{suffix}", f"{service.name} names no capacity provider, nor launch_type FARGATE"
        )
        return
    architecture = _architecture(task)
    vcpu, gigabytes = _size(task, "cpu"), _size(task, "memory")
    count = _task_count(bill, service)
    for provider, share in shares.items():
        spot = provider == "FARGATE_SPOT"
        tasks = product(count, share) if share != 1 else count
        size = total(
            product(vcpu, bill.price(f"fargate_{architecture}_vcpu_hour")),
            product(gigabytes, bill.price(f"fargate_{architecture}_gb_hour")),
        )
        rebate = [bill.prices.quantity("spot_part")] if spot else []
        how = f"at {shown(float(rebate[0].value or 0) * 100)} % of the price on demand" if spot else "on demand"
        yield _FARGATE.line(
            f"Fargate{' Spot' if spot else ''}, {architecture}{suffix}",
            f"{count.text} task{'' if count.value == 1 else 's'} of {vcpu.text} vCPU and {gigabytes.text} GB, "
            f"{how} (service.min_tasks, service.spot)",
            product(tasks, HOURS, size, *rebate),
        )
    disk = amount(block(task.values, "ephemeral_storage"), "size_in_gib")
    if disk is not None and disk > _INCLUDED_DISK_GB:
        yield _FARGATE.unknown(f"Fargate, disk{suffix}", f"the price of more than {_INCLUDED_DISK_GB} GB for a task")


def _definition(bill: Bill, service: Resource) -> Resource | None:
    tasks = [task for task in bill.all("aws_ecs_task_definition") if task.stack == service.stack]
    if len(tasks) == 1:
        return tasks[0]
    return next((t for t in tasks if service in bill.inventory.of(t, "aws_ecs_service", "task_definition")), None)


def _shares(service: Resource) -> Mapping[str, Decimal]:
    """Which part of the tasks each provider runs, by their weights."""
    strategies = blocks(service.values, "capacity_provider_strategy")
    if not strategies:
        return {"FARGATE": Decimal(1)} if service.values.get("launch_type") == "FARGATE" else {}
    weights = {
        provider: amount(each, "weight") or Decimal(0)
        for each in strategies
        if (provider := text(each, "capacity_provider"))
    }
    if len(weights) == 1:
        return dict.fromkeys(weights, Decimal(1))
    whole = sum(weights.values())
    return {provider: weight / whole for provider, weight in weights.items() if weight} if whole else {}


def _architecture(task: Resource) -> str:
    named = text(block(task.values, "runtime_platform"), "cpu_architecture") or "X86_64"
    return _ARCHITECTURES.get(named, named.lower())


def _task_count(bill: Bill, service: Resource) -> Amount:
    """The fewest that autoscaling keeps; without it, as many as are asked for."""
    targets = bill.inventory.of(service, "aws_appautoscaling_target", "resource_id")
    fewest = amount(targets[0].values, "min_capacity") if targets else amount(service.values, "desired_count")
    key = "min_capacity" if targets else "desired_count"
    return unknown(f"{key} is {AFTER_APPLY}") if fewest is None else number(fewest)


def _size(task: Resource, key: str) -> Amount:
    """CPU units as vCPU, MiB as GB: 1024 of one are the other."""
    units = amount(task.values, key)
    return unknown(f"{key} is {AFTER_APPLY}") if units is None else number(units / 1024)


def _metrics(bill: Bill) -> Iterator[Line]:
    yield from _insights(bill)
    tracking = sum(each.values.get("policy_type") == "TargetTrackingScaling" for each in _policies(bill))
    if tracking:
        alarms = _ALARMS_OF_TARGET_TRACKING * tracking
        yield _METRICS.line("Alarms of autoscaling", f"{alarms}", product(alarms, bill.price("alarm")))
    own = len(bill.all("aws_cloudwatch_metric_alarm"))
    if own:
        yield _METRICS.line("Alarms", f"{own}, of standard resolution", product(own, bill.price("alarm")))


def _policies(bill: Bill) -> list[Resource]:
    return bill.all("aws_appautoscaling_policy")


def _insights(bill: Bill) -> Iterator[Line]:
    levels = [
        str(setting.get("value"))
        for cluster in bill.all("aws_ecs_cluster")
        for setting in blocks(cluster.values, "setting")
        if setting.get("name") == "containerInsights"
    ]
    if "enhanced" in levels:
        yield _METRICS.unknown("Container Insights", "the price of enhanced observability")
    clusters = levels.count("enabled")
    if clusters:
        services = len(bill.all("aws_ecs_service"))
        parts = [
            (clusters * bill.prices.count("insights_cluster"), several(clusters, "cluster")),
            (services * bill.prices.count("insights_service"), several(services, "service")),
            (services * bill.prices.count("insights_task"), several(services, "kind of task", "kinds of tasks")),
        ]
        metrics = sum(count for count, _ in parts)
        whose = ", ".join(f"{count} of {what}" for count, what in parts)
        yield _METRICS.line("Container Insights", f"{metrics} metrics: {whose}", product(metrics, bill.price("metric")))


def _route_metrics(bill: Bill) -> Iterator[Line]:
    """The detailed metrics of the HTTP API: some of each route, in hours with requests."""
    routes = sum(_detailed_routes(bill, stage) for stage in bill.all("aws_apigatewayv2_stage"))
    if routes:
        metrics = routes * bill.prices.count("route_metrics")
        hours = exactly(bill.usage.api_hours)
        amount = product(metrics, bill.price("metric"))
        if hours != HOURS:
            amount = quotient(product(metrics, bill.price("metric"), hours), HOURS)
        yield _METRICS.line(
            "HTTP API, detailed metrics",
            f"{metrics} metrics of {several(routes, 'route')}, in {shown(float(hours))} of {HOURS} hours "
            "(usage.api_hours)",
            amount,
        )


def _detailed_routes(bill: Bill, stage: Resource) -> int:
    if block(stage.values, "default_route_settings").get("detailed_metrics_enabled"):
        return len([route for route in bill.all("aws_apigatewayv2_route") if route.stack == stage.stack])
    return sum(bool(each.get("detailed_metrics_enabled")) for each in blocks(stage.values, "route_settings"))


def _images(bill: Bill) -> Iterator[Line]:
    repositories = len(bill.all("aws_ecr_repository"))
    if repositories:
        used = bill.usage.images_gb
        where = several(repositories, "repository", "repositories")
        yield _IMAGES.line(
            "ECR", f"{shown(used)} GB of images (usage.images_gb) in {where}", product(used, bill.price("ecr_gb"))
        )


FARGATE = Chapter(
    frozenset({"aws_ecs_service", "aws_ecs_task_definition", "aws_appautoscaling_target"}),
    _fargate,
)
METRICS = Chapter(
    frozenset({"aws_ecs_cluster", "aws_appautoscaling_policy", "aws_cloudwatch_metric_alarm"}),
    _metrics,
)
ROUTE_METRICS = Chapter(frozenset({"aws_apigatewayv2_stage", "aws_apigatewayv2_route"}), _route_metrics)
IMAGES = Chapter(frozenset({"aws_ecr_repository"}), _images)
