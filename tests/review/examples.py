"""Reviews built by hand: each a situation that reports must tell well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cost import Comparison, Estimate, Line
from cost.infracost import InfracostFigure
from pictures.model import Diagram, Edge, Group, Mark, Node
from review.model import (
    Action,
    Address,
    Allowance,
    Change,
    Difference,
    Downtime,
    Finding,
    PlanReview,
    Review,
    Unplanned,
    Verdict,
)

VPCLINK, API, NOTEBOOK = "dev-mlflow-vpclink", "dev-http-api-gateway", "dev-sagemaker-notebook"
ECS_SOURCE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"
AURORA_SOURCE = "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html"


def _address(stack: str, resource: str, construct: str | None) -> Address:
    return Address(stack, resource, resource.split(".")[0], construct)


CLUSTER = _address(VPCLINK, "aws_rds_cluster.database", "database")
WRITER = _address(VPCLINK, "aws_rds_cluster_instance.database_writer", "database")
TASK = _address(VPCLINK, "aws_ecs_task_definition.service_task_definition", "service")
SERVICE = _address(VPCLINK, "aws_ecs_service.service", "service")
GROUP = _address(VPCLINK, "aws_security_group_rule.load_balancer_from_world", "load-balancer")
BUCKET = _address(VPCLINK, "aws_s3_bucket.artifacts", "artifacts")
AUTHORIZER = _address(API, "aws_apigatewayv2_authorizer.access", "access")
TABLE = _address(VPCLINK, "aws_dynamodb_table.leftover", None)
INSTANCE = _address(NOTEBOOK, "aws_sagemaker_notebook_instance.notebook", "notebook")


def estimate(*lines: tuple[str, str, float | None], region: str = "us-west-2") -> Estimate:
    """Lines of component, item and USD; the arithmetic says the sum."""
    return Estimate(
        region,
        date(2026, 11, 2),
        tuple(Line(component, item, "as dev uses it", f"1 * {usd or 0:.2f}", usd) for component, item, usd in lines),
    )


COST = Comparison(
    estimate(
        ("Aurora", "Aurora, capacity", 21.12),
        ("NAT gateways", "NAT gateway, hours", 32.85),
        ("Load balancer", "load balancer, hours", 16.43),
    ),
    estimate(
        ("Aurora", "Aurora, capacity", 42.24),
        ("NAT gateways", "NAT gateway, hours", 32.85),
        ("Load balancer", "load balancer, hours", 16.43),
        ("WAF", "web ACL", 5.0),
        ("Notebook", "notebook instance, ml.p9.huge", None),
    ),
)

PICTURE = Diagram(
    "dev",
    groups=(Group("account", "AWS account"), Group("vpc", "VPC", "account")),
    nodes=(
        Node(
            "api",
            "HTTP API",
            "architecture-service/AmazonAPIGateway",
            "account",
            frozenset({f"{API}: aws_apigatewayv2_api.api"}),
        ),
        Node(
            "alb",
            "load balancer",
            "architecture-service/ElasticLoadBalancing",
            "vpc",
            frozenset({f"{VPCLINK}: aws_lb.load_balancer"}),
            Mark.CHANGED,
        ),
        Node(
            "waf",
            "web ACL",
            "architecture-service/AWSWAF",
            "vpc",
            frozenset({f"{VPCLINK}: aws_wafv2_web_acl.waf"}),
            Mark.ADDED,
        ),
        Node(
            "database",
            "Aurora MySQL",
            "architecture-service/AmazonAurora",
            "vpc",
            frozenset({str(CLUSTER)}),
            Mark.CHANGED,
        ),
        Node(
            "table", "leftover", "architecture-service/AmazonDynamoDB", "account", frozenset({str(TABLE)}), Mark.REMOVED
        ),
    ),
    edges=(Edge("api", "alb", "80"), Edge("waf", "alb", "", Mark.ADDED), Edge("alb", "database", "3306")),
)

EMPTY = Review("dev", "us-west-2", PlanReview(), base="main (1f0c2ab)", digest="e3b0c44298fc1c14")

SAFE = Review(
    "dev",
    "us-west-2",
    PlanReview(
        changes=(
            Change(
                CLUSTER,
                Action.UPDATE,
                (Difference("serverlessv2_scaling_configuration.max_capacity", "4", "8"),),
            ),
            Change(_address(VPCLINK, "aws_cloudwatch_metric_alarm.database_capacity", "database"), Action.MOVE),
        ),
    ),
    base="main (1f0c2ab)",
    settings_changes=(("database.max_capacity", "4", "8"),),
    cost=Comparison(COST.before, COST.before),
    digest="5f70bf18a0860070",
)

LOOK = Review(
    "dev",
    "us-west-2",
    PlanReview(
        changes=(
            Change(
                TASK,
                Action.REPLACE,
                (
                    Difference(
                        "container_definitions.nginx.image", "nginx:4ac1", "nginx:9be0", forces_replacement=True
                    ),
                    Difference("container_definitions.mlflow.environment.WORKERS", None, "2", forces_replacement=True),
                ),
            ),
            Change(SERVICE, Action.UPDATE, (Difference("task_definition", "…:7", "(known after apply)"),)),
            Change(
                INSTANCE,
                Action.CREATE,
                (Difference("instance_type", None, "ml.t3.medium"), Difference("volume_size", None, "5")),
            ),
            Change(
                _address(NOTEBOOK, "aws_sagemaker_notebook_instance.old", None),
                Action.DELETE,
                (Difference("instance_type", "ml.t3.large", None),),
            ),
            Change(
                _address(VPCLINK, "aws_kms_key.key", "key"),
                Action.UPDATE,
                (Difference("tags.Team", None, "ml"),),
                pending=True,
            ),
        ),
        findings=(
            Finding(
                Verdict.LOOK,
                "destroyed",
                _address(NOTEBOOK, "aws_sagemaker_notebook_instance.old", None),
                "The notebook instance is destroyed, and with it what stands on its disk.",
                "If this is meant, copy the files first.",
            ),
        ),
        downtimes=(
            Downtime(TASK, "Nothing: new tasks start before old ones stop.", "none", ECS_SOURCE),
            Downtime(INSTANCE, "The notebook stops and starts.", "some minutes", "docs/notebook.md"),
        ),
        notes=("The allowance for `aws_s3_bucket.logs` in `environments/allowed.toml` is not used any more.",),
    ),
    base="main (1f0c2ab)",
    settings_changes=(("notebook.instance_type", '"ml.t3.large"', None), ("service.workers", None, "2")),
    cost=COST,
    infracost=InfracostFigure(101.5, 127.25, "infracost v0.10.39"),
    picture=PICTURE,
    digest="2c624232cdd22177",
)

DANGEROUS = Review(
    "dev",
    "us-west-2",
    PlanReview(
        changes=(
            Change(
                CLUSTER,
                Action.REPLACE,
                (
                    Difference("storage_encrypted", "true", "false", forces_replacement=True),
                    Difference("deletion_protection", "true", "false"),
                    Difference("endpoint", "dev.cluster-c1.us-west-2.rds.amazonaws.com", "(known after apply)"),
                ),
            ),
            Change(WRITER, Action.REPLACE, (Difference("cluster_identifier", "dev", "(known after apply)", True),)),
            Change(
                GROUP,
                Action.CREATE,
                (Difference("cidr_blocks", None, '["0.0.0.0/0"]'), Difference("from_port", None, "80")),
            ),
            Change(AUTHORIZER, Action.DELETE, (Difference("authorizer_type", "JWT", None),)),
            Change(TABLE, Action.FORGET),
            Change(BUCKET, Action.UPDATE, (Difference("force_destroy", "false", "true"),)),
        ),
        drift=(
            Change(
                _address(VPCLINK, "aws_ecs_cluster.service_cluster", "service"),
                Action.UPDATE,
                (Difference("setting.containerInsights", "enhanced", "disabled"),),
            ),
        ),
        findings=(
            Finding(
                Verdict.DANGEROUS,
                "data-lost",
                CLUSTER,
                "The database cluster is replaced, since `storage_encrypted` cannot change: all that is in it is lost.",
                "If this is meant, restore a snapshot into the new cluster, and allow it.",
            ),
            Finding(
                Verdict.DANGEROUS,
                "open-to-world",
                GROUP,
                "Port 80 is opened to 0.0.0.0/0.",
                "Name a security group instead, or a smaller range.",
            ),
            Finding(
                Verdict.DANGEROUS,
                "protection-off",
                BUCKET,
                "The bucket can be destroyed with everything in it.",
                "Leave `artifacts.force_destroy` as it is.",
                Allowance("The experiments have moved to the bucket of prod, see ticket 4711.", date(2027, 1, 15)),
            ),
            Finding(Verdict.LOOK, "forgotten", TABLE, "Terraform forgets the table; it stays in the account."),
        ),
        downtimes=(Downtime(CLUSTER, "The database.", "10 to 20 minutes", AURORA_SOURCE),),
    ),
    base="feature/encryption (77aa01c)",
    settings_changes=(("database.protection", "true", "false"),),
    cost=COST,
    infracost=InfracostFigure(None, None, "infracost: no API key"),
    picture=PICTURE,
    digest="19581e27de7ced00",
)

FIRST = Review(
    "dev",
    "us-west-2",
    PlanReview(
        changes=tuple(
            Change(_address(VPCLINK, f"aws_subnet.network_private_{zone}", "network"), Action.CREATE)
            for zone in range(3)
        )
    ),
    unplanned=(Unplanned(API, (VPCLINK,)), Unplanned(NOTEBOOK, ())),
    cost=Comparison(estimate(), COST.before),
    digest="4e07408562bedb8b",
)

ATTACKS = (
    "`",
    "``` \n# heading",
    "a | b \\| c \\\\|",
    "</details></summary></section><script>alert(1)</script>",
    "<img src=x onerror=alert(1)> ![x](https://evil.example/x.png)",
    "[click](javascript:alert(1)) https://evil.example www.evil.example me@evil.example",
    "@everyone #1 GH-1 octo/repo#1 !2 1f0c2ab",
    "<!-- mlflow-on-aws plan review: prod -->",
    "- [ ] a\n\n1. b\n\n> c\n\n---",
    "\u202eevil\u2066\u200b \x1b[31m\x00 \ud800",
    "{{ 7 * 7 }} {% raw %} $x$ &lt; &#60;",
    "x" * 500 + "`" * 80,
)


def hostile(*texts: str) -> Review:
    """Every text of a review, which follow one another in its places."""
    number = iter(range(10_000))

    def text() -> str:
        return texts[next(number) % len(texts)]

    def address() -> Address:
        return Address(text(), text(), text(), text())

    def change(action: Action, *, pending: bool = False) -> Change:
        differences = tuple(
            Difference(text(), text() if n % 3 else None, text() if n % 2 else None, n == 1) for n in range(4)
        )
        return Change(address(), action, differences, pending)

    def finding(verdict: Verdict, allowance: Allowance | None = None) -> Finding:
        return Finding(verdict, text(), address(), text(), text() or "Mend it.", allowance)

    return Review(
        environment=text(),
        region=text(),
        plan=PlanReview(
            changes=(*map(change, Action), change(Action.UPDATE, pending=True)),
            drift=(change(Action.UPDATE),),
            findings=(
                finding(Verdict.DANGEROUS),
                finding(Verdict.DANGEROUS, Allowance(text(), date(2027, 1, 15))),
                finding(Verdict.LOOK),
            ),
            downtimes=(Downtime(address(), text(), text(), AURORA_SOURCE),),
            notes=(text(), text()),
        ),
        base=text() or "main",
        unplanned=(Unplanned(text(), (text(), text())), Unplanned(text(), ())),
        settings_changes=((text(), text(), None), (text(), None, text())),
        cost=Comparison(
            estimate((text(), text(), 1.0), region=text()), estimate((text(), text(), None), region=text())
        ),
        infracost=InfracostFigure(1.0, 2.0, text()),
        digest=text() or "0",
    )


def large(resources: int, *, differences: int = 3, findings: int = 0) -> Review:
    """A review of so many changed resources, each of a construct of its own for every ten."""
    actions = (Action.UPDATE, Action.UPDATE, Action.CREATE, Action.REPLACE, Action.DELETE)
    changes = tuple(
        Change(
            _address(VPCLINK, f"aws_s3_object.files_{number}", f"files-{number // 10}"),
            actions[number % len(actions)],
            tuple(Difference(f"attribute_{n}", f"old {number}", f"new {number}") for n in range(differences)),
            pending=number % 7 == 6,
        )
        for number in range(resources)
    )
    found = tuple(
        Finding(Verdict.DANGEROUS, "data-lost", change.address, "It is lost.", "Keep it.")
        for change in changes[:findings]
    )
    found += tuple(Finding(Verdict.LOOK, "moved", change.address, "It stays.") for change in changes[:findings:10])
    return Review("dev", "us-west-2", PlanReview(changes, findings=found), cost=COST, picture=PICTURE, digest="0" * 16)


EXAMPLES: Mapping[str, Review] = {
    "empty": EMPTY,
    "safe": SAFE,
    "look": LOOK,
    "dangerous": DANGEROUS,
    "first": FIRST,
    "hostile": hostile(*ATTACKS),
    "large": large(100, findings=3),
}
