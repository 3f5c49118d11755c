"""MLflow in its VPC, up to the VPC link through which API Gateway comes in."""

from __future__ import annotations

from cdktf import App
from constructs import Construct

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.autoscaling import Autoscaling
from constructs_lib.database import USERNAME as DATABASE_USERNAME
from constructs_lib.database import Database, DatabaseCapacity, DatabaseUpkeep
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.flow_logs import FlowLogs
from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.http_api import SOURCE_IP_HEADER
from constructs_lib.image_repository import ImageRepository
from constructs_lib.load_balancer import ListenerTls, LoadBalancer
from constructs_lib.managed_policy import ManagedPolicy
from constructs_lib.mlflow_service import MlflowService
from constructs_lib.mlflow_task import HEALTH_CHECK_PATH, NGINX_PORT, Images, MlflowTask, TaskOptions
from constructs_lib.network import ExistingNetwork, Network, SubnetPlan
from constructs_lib.published_image import PublishedImage
from constructs_lib.registry_image import RegistryImage
from constructs_lib.service_discovery import ServiceDiscovery
from constructs_lib.vpc_link import VpcLink
from images.context import Build
from settings import Settings, WafSettings
from stacks.access import caller_check, takes_passwords
from stacks.platform_stack import PlatformStack

NAME = "mlflow-vpclink"

# What most environments do without is imported where it is used: the bindings of some of it are large.


class MlflowVpclinkStack(PlatformStack):
    """VPC link -> load balancer -> nginx and MLflow -> database, secrets and artifacts."""

    def __init__(self, app: App, *, settings: Settings) -> None:
        super().__init__(app, NAME, settings=settings)
        prefix = settings.name_prefix
        protect = settings.protect_data

        self.encryption_key = EncryptionKey(
            self, "encryption-key", name_prefix=prefix, description=f"Data of {prefix}", protect=protect
        )
        self.network = _network(self, settings, self.encryption_key)
        self.artifacts = ArtifactStore(
            self,
            "artifacts",
            name_prefix=prefix,
            encryption_key=self.encryption_key,
            versioning=settings.artifacts.versioning,
            noncurrent_days=settings.artifacts.noncurrent_days,
            tiering=settings.artifacts.tiering,
            protect=protect,
            force_destroy=settings.artifacts.force_destroy,
        )
        self.credentials = (
            self._secret(settings, "mlflow-credentials", "mlflow", "User name and password of MLflow")
            if takes_passwords(settings)
            else None
        )
        database = Database(
            self,
            "database",
            name_prefix=prefix,
            network=self.network,
            encryption_key=self.encryption_key,
            credentials=self._secret(
                settings, "database-credentials", DATABASE_USERNAME, "User name and password of MLflow's database"
            ),
            capacity=_capacity(settings),
            upkeep=_upkeep(settings),
            protect=protect,
        )
        task = MlflowTask(
            self,
            "task",
            name_prefix=prefix,
            images=self._images(settings),
            options=_task_options(settings),
            encryption_key=self.encryption_key,
            database=database,
            caller_check=caller_check(settings, self.credentials),
            artifacts=self.artifacts,
        )
        self.load_balancer = LoadBalancer(
            self,
            "load-balancer",
            name_prefix=prefix,
            network=self.network,
            target_port=NGINX_PORT,
            health_check_path=HEALTH_CHECK_PATH,
            protect=protect,
            tls=_tls(settings),
        )
        if self.load_balancer.server_name:
            self._name_the_load_balancer(self.load_balancer.server_name)
        if settings.load_balancer.waf:
            self._shield_the_load_balancer(settings, settings.load_balancer.waf)
        discovery = ServiceDiscovery(
            self, "discovery", vpc_id=self.network.vpc_id, namespace=f"{prefix}.internal", service="mlflow"
        )
        service = MlflowService(
            self,
            "service",
            name_prefix=prefix,
            network=self.network,
            task=task,
            load_balancer=self.load_balancer,
            discovery=discovery,
            initial_tasks=settings.service.min_tasks,
            spot=settings.service.spot,
        )
        Autoscaling(
            self,
            "autoscaling",
            service=service,
            min_tasks=settings.service.min_tasks,
            max_tasks=settings.service.max_tasks,
            cpu_target_percent=settings.service.cpu_target_percent,
            scale_in_cooldown_seconds=settings.service.scale_in_cooldown_seconds,
            scale_out_cooldown_seconds=settings.service.scale_out_cooldown_seconds,
        )
        self.vpc_link = VpcLink(self, "vpc-link", name_prefix=prefix, network=self.network)

        database.connections.allow_from(service, why="MLflow backend store")
        self.load_balancer.connections.allow_from(self.vpc_link, why="Requests from API Gateway")
        for security_group_id in settings.load_balancer.client_security_groups:
            self.load_balancer.connections.allow_from_group(security_group_id, why="MLflow client in the VPC")

        if self.credentials:
            self.output(
                "mlflow_credentials_secret_arn", self.credentials.arn, "Secret with MLflow's user name and password"
            )
        self.output("artifacts_bucket", self.artifacts.bucket_name, "S3 bucket of the artifacts")
        if settings.artifacts.mode == "direct":
            self._let_clients_use_the_artifacts(settings)
        self.output("database_endpoint", database.endpoint, "Host name of the database's writer")
        self.output(
            "database_credentials_secret_arn", database.credentials.arn, "Secret with the database's credentials"
        )
        self.output("cluster_name", service.cluster_name, "ECS cluster")
        self.output("service_name", service.service_name, "ECS service")
        self.output("load_balancer_dns_name", self.load_balancer.dns_name, "Load balancer, inside the VPC")
        self.output("service_dns_name", discovery.dns_name, "Cloud Map name of the tasks, inside the VPC")
        self.output("vpc_id", self.network.vpc_id, "VPC")

    def _secret(self, settings: Settings, id: str, username: str, description: str) -> GeneratedSecret:
        return GeneratedSecret(
            self,
            id,
            name_prefix=settings.name_prefix,
            description=description,
            username=username,
            encryption_key=self.encryption_key,
            rotation=settings.secrets.rotation,
            recovery_window_days=settings.secrets.recovery_window_days,
        )

    def _images(self, settings: Settings) -> Images:
        chosen = settings.images
        if chosen.nginx and chosen.mlflow:
            return Images(
                nginx=RegistryImage(self, "nginx-image", uri=chosen.nginx),
                mlflow=RegistryImage(self, "mlflow-image", uri=chosen.mlflow),
            )
        return Images(nginx=self._published(settings, "nginx"), mlflow=self._published(settings, "mlflow"))

    def _published(self, settings: Settings, name: str) -> PublishedImage:
        build = Build(name, settings.service.architecture, settings.images.base_registry)
        repository = ImageRepository(
            self,
            f"{name}-repository",
            name=settings.repository_name(name),
            encryption_key=self.encryption_key,
            force_delete=not settings.protect_data,
        )
        self.output(f"{name}_repository_url", repository.url, f"ECR repository of the {name} image")
        return PublishedImage(
            self,
            f"{name}-image",
            name=name,
            repository=repository,
            tag=build.tag(),
            architecture=build.architecture,
            base_registry=build.base_registry,
        )

    def _name_the_load_balancer(self, name: str) -> None:
        from constructs_lib.private_name import PrivateName

        PrivateName(self, "private-name", name=name, vpc_id=self.network.vpc_id, load_balancer=self.load_balancer)

    def _shield_the_load_balancer(self, settings: Settings, waf: WafSettings) -> None:
        from constructs_lib.web_firewall import WebFirewall

        WebFirewall(
            self,
            "web-firewall",
            name_prefix=settings.name_prefix,
            load_balancer=self.load_balancer,
            rate_limit=waf.rate_limit,
            managed_rule_groups=waf.managed_rule_groups,
            source_ip_header=SOURCE_IP_HEADER,
        )

    def _let_clients_use_the_artifacts(self, settings: Settings) -> None:
        policy = ManagedPolicy(
            self,
            "artifacts-client-policy",
            name_prefix=f"{settings.name_prefix}-artifacts-client",
            description="Lets MLflow clients read and write artifacts in S3",
        )
        self.artifacts.grant_read_write(policy)
        self.output("artifacts_client_policy_arn", policy.arn, "IAM policy to attach to MLflow's clients")


def _network(scope: Construct, settings: Settings, encryption_key: EncryptionKey) -> SubnetPlan:
    chosen = settings.network
    if chosen.existing is not None:
        return ExistingNetwork(
            vpc_id=chosen.existing.vpc_id,
            private_subnet_ids=chosen.existing.private_subnet_ids,
            isolated_subnet_ids=chosen.existing.isolated_subnet_ids,
        )
    network = Network(
        scope,
        "network",
        name_prefix=settings.name_prefix,
        cidr=chosen.cidr,
        zones=chosen.availability_zones,
        nat_per_zone=chosen.nat == "per_az",
        interface_endpoints=chosen.interface_endpoints,
    )
    if chosen.flow_logs:
        FlowLogs(
            scope,
            "flow-logs",
            name_prefix=settings.name_prefix,
            vpc_id=network.vpc_id,
            retention_days=settings.logs.retention_days,
            encryption_key=encryption_key,
        )
    return network


def _tls(settings: Settings) -> ListenerTls | None:
    chosen = settings.load_balancer
    if chosen.certificate_arn and chosen.server_name:
        return ListenerTls(certificate_arn=chosen.certificate_arn, server_name=chosen.server_name)
    return None


def _capacity(settings: Settings) -> DatabaseCapacity:
    return DatabaseCapacity(
        minimum=settings.database.min_capacity,
        maximum=settings.database.max_capacity,
        auto_pause_seconds=settings.database.auto_pause_seconds,
    )


def _upkeep(settings: Settings) -> DatabaseUpkeep:
    return DatabaseUpkeep(
        engine_version=settings.database.engine_version,
        backup_retention_days=settings.database.backup_retention_days,
        backup_window=settings.database.backup_window,
        maintenance_window=settings.database.maintenance_window,
        log_retention_days=settings.logs.retention_days,
        final_snapshot=settings.database.final_snapshot,
    )


def _task_options(settings: Settings) -> TaskOptions:
    return TaskOptions(
        cpu=settings.service.cpu,
        memory=settings.service.memory,
        architecture=settings.service.architecture,
        exec=settings.service.exec,
        log_retention_days=settings.logs.retention_days,
        artifacts_mode=settings.artifacts.mode,
        allowed_cidrs=settings.api.allowed_cidrs,
    )
