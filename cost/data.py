"""The lines of what keeps data: database, buckets, keys, secrets, logs, the state."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cost.arithmetic import Amount, exactly, number, plain, product, quotient, total, unknown
from cost.bill import AFTER_APPLY, HOURS, Bill, Chapter, Component, several, shown
from cost.inventory import amount, block, blocks, refers, text
from cost.model import Line, Resource

_AURORA = Component("Aurora")
_KEYS = Component("Keys and secrets")
_LOGS = Component("Logs")
_ARTIFACTS = Component("Artifacts")
_STATE = Component("State")

_STATE_STACK = "state-backend"
_STATE_GB = 0.1
_STATE_WRITES_MILLIONS = 0.001
_IO_OPTIMIZED = "aurora-iopt1"
_LEAST_AWAKE = Decimal("0.5")
_DAYS_OF_YEAR, _MONTHS_OF_YEAR = 365, 12


def _aurora(bill: Bill) -> Iterator[Line]:
    clusters = bill.all("aws_rds_cluster")
    for cluster in clusters:
        suffix = f" ({cluster.name})" if len(clusters) > 1 else ""
        yield from _cluster(bill, cluster, suffix)


def _cluster(bill: Bill, cluster: Resource, suffix: str) -> Iterator[Line]:
    engine = text(cluster.values, "engine")
    if engine is None or not engine.startswith("aurora"):
        yield _AURORA.unknown(f"Aurora{suffix}", f"the price of a cluster of {engine or 'an engine that is not known'}")
        return
    if cluster.values.get("storage_type") == _IO_OPTIMIZED:
        yield _AURORA.unknown(f"Aurora{suffix}", f"the price of storage_type {_IO_OPTIMIZED}")
        return
    instances = bill.inventory.of(cluster, "aws_rds_cluster_instance", "cluster_identifier")
    classes = [text(each.values, "instance_class") for each in instances]
    if serverless := classes.count("db.serverless"):
        yield _capacity(bill, cluster, serverless, suffix)
    for other in sorted({each or "" for each in classes} - {"db.serverless"}):
        yield _AURORA.unknown(f"Aurora, instances{suffix}", f"the price of {other or 'a class that is not known yet'}")
    used = bill.usage
    yield _AURORA.line(
        f"Aurora, storage{suffix}",
        f"{shown(used.database_gb)} GB (usage.database_gb)",
        product(used.database_gb, bill.price("aurora_gb")),
    )
    yield _AURORA.line(
        f"Aurora, I/O{suffix}",
        f"{shown(used.database_io_millions)} million requests (usage.database_io_millions)",
        product(used.database_io_millions, bill.price("aurora_io_millions")),
    )
    yield _AURORA.line(
        f"Aurora, backup{suffix}",
        f"{shown(used.database_backup_gb)} GB beyond the size of the database (usage.database_backup_gb)",
        product(used.database_backup_gb, bill.price("aurora_backup_gb")),
    )


def _capacity(bill: Bill, cluster: Resource, instances: int, suffix: str) -> Line:
    item, price = f"Aurora, capacity{suffix}", bill.price("aurora_acu_hour")
    scaling = block(cluster.values, "serverlessv2_scaling_configuration")
    least, most = amount(scaling, "min_capacity"), amount(scaling, "max_capacity")
    count = [instances] if instances > 1 else []
    if least is None or most is None:
        why = unknown(f"the smallest or the largest capacity is {AFTER_APPLY}")
        return _AURORA.line(item, several(instances, "instance"), product(*count, HOURS, why, price))
    mean = min(max(exactly(bill.usage.database_acu), least, _LEAST_AWAKE), most)
    between = f"{plain(least)} is the least, {plain(most)} the most"
    if least > 0:
        assumption = f"never paused, {plain(mean)} ACU on average (usage.database_acu; {between})"
        return _AURORA.line(item, assumption, product(*count, HOURS, mean, price))
    awake = bill.usage.database_hours
    assumption = (
        f"awake {shown(awake)} hours (usage.database_hours) at {plain(mean)} ACU (usage.database_acu; {between}), "
        "else paused"
    )
    return _AURORA.line(item, assumption, product(*count, awake, mean, price))


def _keys(bill: Bill) -> Iterator[Line]:
    if keys := len(bill.all("aws_kms_key")):
        yield _KEYS.line("KMS keys", f"{keys}", product(keys, bill.price("kms_key")))
    if secrets := len(bill.all("aws_secretsmanager_secret")):
        yield _KEYS.line("Secrets", f"{secrets}", product(secrets, bill.price("secret")))


def _logs(bill: Bill) -> Iterator[Line]:
    flows = bill.all("aws_flow_log")
    groups = bill.all("aws_cloudwatch_log_group")
    of_flows = [each for each in groups if any(refers(flow.values.get("log_destination"), each) for flow in flows)]
    others = len(groups) - len(of_flows)
    written = Decimal(0)
    if others > 0:
        written += exactly(bill.usage.logs_gb)
        yield _LOGS.line(
            "Logs, written",
            f"{shown(bill.usage.logs_gb)} GB (usage.logs_gb) in {several(others, 'group')}",
            product(bill.usage.logs_gb, bill.price("logs_gb")),
        )
    for flow in flows:
        kind = text(flow.values, "log_destination_type") or "cloud-watch-logs"
        if kind != "cloud-watch-logs":
            yield _LOGS.unknown("Flow logs, written", f"the price of flow logs to {kind}")
            continue
        written += exactly(bill.usage.flow_logs_gb)
        yield _LOGS.line(
            "Flow logs, written",
            f"{shown(bill.usage.flow_logs_gb)} GB (usage.flow_logs_gb)",
            product(bill.usage.flow_logs_gb, bill.price("logs_gb")),
        )
    if groups:
        yield _kept(bill, groups, written)


def _kept(bill: Bill, groups: list[Resource], written: Decimal) -> Line:
    """All of them as long as the longest: which group gets how much, no setting says."""
    days = [amount(each.values, "retention_in_days") for each in groups]
    price, part = bill.price("logs_kept_gb"), bill.prices.quantity("log_compression")
    percent = shown(float(part.value or 0) * 100)
    assumption = f"{shown(float(written))} GB a month, compressed to {percent} %"
    if any(not each for each in days):
        forever = unknown("a log group has no retention_in_days, so it grows for ever")
        return _LOGS.line("Logs, kept", assumption, product(written, part, forever, price))
    longest = max(each for each in days if each)
    amount_ = product(quotient(product(longest, _MONTHS_OF_YEAR), _DAYS_OF_YEAR), written, part, price)
    return _LOGS.line("Logs, kept", f"{plain(longest)} days of {assumption} (logs.retention_days)", amount_)


def _buckets(bill: Bill) -> Iterator[Line]:
    buckets = [bucket for bucket in bill.all("aws_s3_bucket") if not _of_state(bucket)]
    for bucket in buckets:
        if bucket.name == "artifacts" or len(buckets) == 1:
            yield _artifacts(bill, bucket)
        else:
            yield _ARTIFACTS.unknown(f"S3, {bucket.name}", "what it holds is in no setting")


def _artifacts(bill: Bill, bucket: Resource) -> Line:
    used = bill.usage
    new = min(used.artifacts_new_objects, used.artifacts_objects)
    objects = f"{shown(used.artifacts_objects)} objects (usage.artifacts_objects)"
    assumption = f"{shown(used.artifacts_gb)} GB (usage.artifacts_gb), {objects}"
    if not _tiered(bill, bucket):
        return _ARTIFACTS.line("S3, artifacts", assumption, product(used.artifacts_gb, bill.price("s3_gb")))
    return _ARTIFACTS.line(
        "S3, artifacts",
        f"{assumption}, {shown(new)} of them new (usage.artifacts_new_objects); artifacts.tiering",
        total(
            product(used.artifacts_gb, bill.price("s3_tiered_gb")),
            product(_thousands(used.artifacts_objects), bill.price("s3_watched_thousand")),
            product(_thousands(new), bill.price("s3_moved_thousand")),
        ),
    )


def _thousands(count: int) -> Amount:
    return number(Decimal(count) / 1000)


def _tiered(bill: Bill, bucket: Resource) -> bool:
    lifecycles = bill.inventory.of(bucket, "aws_s3_bucket_lifecycle_configuration", "bucket")
    return any(
        transition.get("storage_class") == "INTELLIGENT_TIERING"
        for lifecycle in lifecycles
        for rule in blocks(lifecycle.values, "rule")
        for transition in blocks(rule, "transition")
    )


def _state(bill: Bill) -> Iterator[Line]:
    if buckets := sum(_of_state(bucket) for bucket in bill.all("aws_s3_bucket")):
        state = f"less than {_STATE_GB} GB" if buckets == 1 else f"{buckets} of less than {_STATE_GB} GB"
        yield _STATE.line("State: S3", state, product(_STATE_GB * buckets, bill.price("s3_gb")))
    for table in bill.all("aws_dynamodb_table"):
        if _of_state(table) and table.values.get("billing_mode") == "PAY_PER_REQUEST":
            amount_ = product(_STATE_WRITES_MILLIONS, bill.price("dynamodb_writes_millions"))
            yield _STATE.line("State: DynamoDB", "less than a thousand locks", amount_)
        else:
            yield _STATE.unknown(f"Table {table.name}", "how much it is used is in no setting")


def _of_state(resource: Resource) -> bool:
    return resource.stack.endswith(_STATE_STACK)


AURORA = Chapter(frozenset({"aws_rds_cluster", "aws_rds_cluster_instance"}), _aurora)
KEYS = Chapter(frozenset({"aws_kms_key", "aws_secretsmanager_secret"}), _keys)
LOGS = Chapter(frozenset({"aws_cloudwatch_log_group", "aws_flow_log"}), _logs)
ARTIFACTS = Chapter(frozenset({"aws_s3_bucket", "aws_s3_bucket_lifecycle_configuration"}), _buckets)
STATE = Chapter(frozenset({"aws_dynamodb_table"}), _state)
