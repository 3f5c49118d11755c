import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

import settings
from errors import UserError
from settings import Settings, environment_names, load, load_selected, markdown_table
from settings.fields import fields, groups_of, keys
from settings.tfvars import dotted

Refuse = Callable[[str], str]
PACKAGE = Path(settings.__file__).parent
REPOSITORY = PACKAGE.parent


@pytest.fixture(autouse=True)
def _no_region_in_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "environments"
    directory.mkdir()
    return directory


@pytest.fixture
def read(environments: Path) -> Callable[[str], Settings]:
    def read_file(text: str) -> Settings:
        (environments / "dev.tfvars").write_text(text, encoding="utf-8")
        return load("dev", directory=environments)

    return read_file


@pytest.fixture
def refusal(read: Callable[[str], Settings]) -> Refuse:
    def message(text: str) -> str:
        with pytest.raises(UserError) as caught:
            read(text)
        return str(caught.value)

    return message


# --- what loads ---


def test_the_smallest_file_names_only_the_project(read: Callable[[str], Settings]) -> None:
    loaded = read('project = "x"')
    assert (loaded.project, loaded.environment, loaded.name_prefix) == ("x", "dev", "x-dev")
    assert (loaded.region, loaded.account_id, loaded.protect_data) == ("us-west-2", None, True)
    assert (loaded.service.min_tasks, loaded.service.max_tasks, loaded.service.cpu_target_percent) == (2, 6, 70)
    assert loaded.access.type == "basic"


def test_python_callers_get_the_same_defaults_as_files(read: Callable[[str], Settings]) -> None:
    assert Settings(project="x", environment="dev") == read('project = "x"')


def test_names_of_the_state_are_derived(read: Callable[[str], Settings]) -> None:
    state = read('project = "x"').state
    assert (state.bucket, state.table, state.key_prefix) == ("x-dev-tfstate", "x-dev-tfstate-lock", "x/dev")
    assert read('project = "x"\naccount_id = "012345678901"').state.bucket == "x-dev-tfstate-012345678901"


def test_names_of_the_state_can_be_set(read: Callable[[str], Settings]) -> None:
    state = read('project = "x"\nstate = { bucket = "our-states", table = "locks", key_prefix = "a/b" }').state
    assert (state.bucket, state.table, state.key_prefix) == ("our-states", "locks", "a/b")


def test_the_region_comes_from_the_shell_unless_the_file_sets_it(
    read: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert read('project = "x"').region == "eu-central-1"
    assert read('project = "x"\nregion = "us-gov-west-1"').region == "us-gov-west-1"
    monkeypatch.setenv("AWS_REGION", "")
    assert read('project = "x"').region == "us-west-2"


def test_null_means_the_default_as_in_terraform(read: Callable[[str], Settings]) -> None:
    assert read('project = "x"\naccount_id = null\nservice = { cpu = null }') == read('project = "x"')


def test_an_existing_network_puts_the_database_into_its_private_subnets(read: Callable[[str], Settings]) -> None:
    subnets = '["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]'
    existing = read(
        f'project = "x"\nnetwork = {{ existing = {{ vpc_id = "vpc-0123abcd", private_subnet_ids = {subnets} }} }}'
    ).network.existing
    assert existing is not None
    assert existing.isolated_subnet_ids == existing.private_subnet_ids


@pytest.mark.parametrize(
    "text",
    [
        "service = { cpu = 256, memory = 512 }",
        "service = { cpu = 4096, memory = 30720 }",
        "service = { cpu = 8192, memory = 20480 }",
        "service = { cpu = 16384, memory = 122880 }",
        'network = { cidr = "192.168.8.0/23" }',
        'network = { cidr = "172.18.0.0/16" }',
        "database = { min_capacity = 0.5, max_capacity = 1.0 }",
        'database = { engine_version = "8.0.mysql_aurora.3.08.0" }',
        'database = { engine_version = "8.0.mysql_aurora.3.05", min_capacity = 1, max_capacity = 128 }',
        'database = { backup_window = "23:45-00:15", maintenance_window = "sun:23:00-sun:23:45" }',
        'database = { maintenance_window = "sun:23:45-mon:00:15" }',
        "database = { min_capacity = 0, auto_pause_seconds = 300 }",
        'tags = { "cost:center" = "a/b c@d", Empty = "" }',
        'state = { kms_key_id = "arn:aws:kms:us-west-2:012345678901:key/0123abcd" }',
        'state = { backend = "local", bucket = null }',
        'images = { source = "registry", nginx = "012345678901.dkr.ecr.us-west-2.amazonaws.com/team/nginx:1.28", '
        f'mlflow = "ghcr.io/mlflow/mlflow:v3@sha256:{"0" * 64}" }}',
        'images = { base_registry = "public.ecr.aws/docker/library" }',
        'images = { base_registry = "localhost:5000" }',
        'artifacts = { mode = "direct" }',
        "protect_data = false\nartifacts = { force_destroy = true }\ndatabase = { final_snapshot = false }",
        "network = { availability_zones = 3 }\nnotebook = { subnet_index = 2 }",
        "notebook = { auto_stop_minutes = 0 }",
        "notebook = { auto_stop_minutes = 15 }",
        "notebook = { auto_stop_minutes = 1440 }",
        "notebook = { studio = {} }",
        'notebook = { studio = { domain_id = "d-0123456789ab", user_profile = "Team-1" } }',
        "notebook = { enabled = false, studio = null }",
        "service = { cpu = 1024.0, memory = 2.048e3 }",
    ],
)
def test_accepts(read: Callable[[str], Settings], text: str) -> None:
    assert read(f'project = "x"\n{text}').project == "x"


def test_accepts_a_byte_order_mark_windows_line_ends_and_comments(environments: Path) -> None:
    (environments / "dev.tfvars").write_bytes(
        b'\xef\xbb\xbf# why\r\nproject = "x" // why\r\nservice = {\r\n cpu = 256\r\n}\r\n'
    )
    assert load("dev", directory=environments).service.cpu == 256


def test_settings_are_frozen(read: Callable[[str], Settings]) -> None:
    loaded = read('project = "x"')
    with pytest.raises(ValidationError, match="frozen"):
        loaded.project = "y"
    with pytest.raises(ValidationError, match="frozen"):
        loaded.service.cpu = 256


# --- the shipped environments ---


def test_both_shipped_environments_load() -> None:
    assert [each.environment for each in load_selected("all")] == ["dev", "prod"]


def test_dev_can_be_destroyed_without_a_trace() -> None:
    dev = load("dev")
    assert not dev.protect_data
    assert dev.artifacts.force_destroy
    assert not dev.database.final_snapshot
    assert dev.secrets.recovery_window_days == 0


def test_prod_is_protected_and_survives_the_loss_of_a_zone() -> None:
    prod = load("prod")
    assert prod.protect_data
    assert (prod.network.availability_zones, prod.network.nat) == (3, "per_az")
    assert prod.database.min_capacity > 0
    assert not prod.service.spot
    assert prod.database.backup_retention_days > load("dev").database.backup_retention_days


@pytest.mark.parametrize("name", environment_names())
def test_every_line_of_a_shipped_environment_is_explained(name: str) -> None:
    lines = (REPOSITORY / "environments" / f"{name}.tfvars").read_text().splitlines()
    assert [line for line in lines if " = " in line and "#" not in line and not line.endswith("= {")] == []


# --- which environments ---


def test_dev_is_the_environment_when_none_is_chosen() -> None:
    assert load_selected(None) == load_selected("") == load_selected("dev") == (load("dev"),)


def test_all_loads_every_file_in_order(environments: Path) -> None:
    for name in ("b", "a"):
        (environments / f"{name}.tfvars").write_text('project = "x"')
    assert [each.environment for each in load_selected("all", directory=environments)] == ["a", "b"]


def test_all_reports_the_mistakes_of_every_file(environments: Path) -> None:
    for name in ("a", "b", "c"):
        (environments / f"{name}.tfvars").write_text(
            'project = "x"\nservice = { cpu = 3 }' if name != "c" else 'project = "x"'
        )
    with pytest.raises(UserError) as caught:
        load_selected("all", directory=environments)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "environments/a.tfvars",
        "environments/b.tfvars",
    ]


@pytest.mark.parametrize("name", ["stage", "DEV", "../environments/dev", "", "a\0b", "x" * 300])
def test_refuses_an_unknown_environment_and_names_those_that_exist(environments: Path, name: str) -> None:
    for known in ("dev", "prod"):
        (environments / f"{known}.tfvars").write_text('project = "x"')
    with pytest.raises(UserError, match="environments has no such file; set ENV to one of: dev, prod"):
        load(name, directory=environments)


@pytest.mark.parametrize("selection", ["dev", "all"])
def test_refuses_a_folder_without_environments(environments: Path, selection: str) -> None:
    for directory in (environments, environments / "none"):
        with pytest.raises(UserError, match=r"write dev\.tfvars there"):
            load_selected(selection, directory=directory)


@pytest.mark.parametrize("name", ["all", "Prod", "my env", "a-", "a--b", "1st"])
def test_refuses_a_file_whose_name_is_no_environment(environments: Path, name: str) -> None:
    (environments / f"{name}.tfvars").write_text('project = "x"')
    with pytest.raises(UserError) as caught:
        load(name, directory=environments)
    assert f"environments/{name}.tfvars" in str(caught.value)
    assert str(caught.value).endswith("rename the file")


# --- files that cannot be read ---


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n"])
def test_refuses_an_empty_file_by_naming_the_only_required_key(refusal: Refuse, text: str) -> None:
    assert refusal(text).startswith("environments/dev.tfvars: project: missing; set lower-case letters")


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (
            'project = "x"\nservice = {',
            "2:12",
            "the file ends inside an entry; complete it, or close its bracket or quote",
        ),
        ('project = "x', "1:12", "the file ends inside an entry; complete it, or close its bracket or quote"),
        ('project =\nregion = "x"', "1:10", "the line ends too early; write key = value"),
        ("project = 'x'", "1:11", 'text stands in double quotes: "..."'),
        ('project = "x"\n}', "2:1", "'}' is not expected here; write one key = value per line"),
        (
            'project = "x"\nservice = { cpu, memory }',
            "2:16",
            "',' is not expected here; write one key = value per line",
        ),
    ],
)
def test_refuses_a_syntax_error_with_line_and_column(refusal: Refuse, text: str, place: str, sentence: str) -> None:
    message = refusal(text)
    assert message.startswith(f"environments/dev.tfvars:{place}: {sentence}")
    assert "\n" not in message


def test_refuses_text_that_is_not_utf_8(environments: Path) -> None:
    (environments / "dev.tfvars").write_bytes(b'project = "\xff"')
    with pytest.raises(UserError, match=r"environments/dev.tfvars: byte 11 is not UTF-8; save the file as UTF-8"):
        load("dev", directory=environments)


def test_refuses_a_directory_in_place_of_a_file(environments: Path) -> None:
    (environments / "dev.tfvars").mkdir()
    with pytest.raises(UserError, match=r"environments/dev.tfvars: cannot be read \(Is a directory\); put a readable"):
        load("dev", directory=environments)


def test_refuses_a_file_that_may_not_be_read(environments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environments / "dev.tfvars").write_text('project = "x"')

    def deny(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", deny)
    with pytest.raises(UserError, match=r"environments/dev.tfvars: cannot be read \(Permission denied\)"):
        load("dev", directory=environments)


@pytest.mark.parametrize(
    ("entry", "key", "source"),
    [
        ('region = "${var.region}"', "region", '"${var.region}"'),
        ('region = "%{ if true }x%{ endif }"', "region", '"%{ if true }x%{ endif }"'),
        ("region = var.region", "region", "var.region"),
        ("service = { cpu = max(256, 512) }", "service.cpu", "max(256, 512)"),
        ("service = { cpu = 256 + 256 }", "service.cpu", "256 + 256"),
        ('network = { interface_endpoints = ["logs", var.x] }', "network.interface_endpoints[1]", "var.x"),
        ("tags = { for k, v in x : k => v }", "tags", "{ for k, v in x : k => v }"),
        ('tags = { (var.x) = "1" }', "tags", "(var.x)"),
        ('tags = { "${var.x}" = "1" }', "tags", '"${var.x}"'),
    ],
)
def test_refuses_values_that_would_have_to_be_computed(refusal: Refuse, entry: str, key: str, source: str) -> None:
    message = refusal(f'project = "x"\n{entry}')
    assert message.startswith(f"environments/dev.tfvars:2: {key} = {source}: ")
    assert message.endswith("tfvars hold plain values only; write the value itself")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("region = us-west-2", 'region = us-west-2: text needs quotes: "us-west-2"'),
        ("region = <<EOT\nus-west-2\nEOT\n", "region = <<EOT us-west-2 EOT: write the text on one line, in quotes"),
        ('region = "us-\nwest-2"', 'region = "us- west-2": this text runs over the end of the line; close the quote'),
        ("service {\n cpu = 256\n}", "service: this is a block; write service = { ... }"),
        ('service "x" {}', "service: this is a block; write service = { ... }"),
        ('project = "y"', 'project = "y": set in line 1 and again in line 2; keep one'),
        ("service = { cpu = 256, cpu = 512 }", "service.cpu = 512: set in line 2 and again in line 2; keep one"),
        (
            "service = { cpu = 1e400 }",
            "service.cpu = 1e400: this number is too large for any setting; write a smaller one",
        ),
        ("service = { cpu = " + "9" * 5000 + " }", "this number is too large for any setting; write a smaller one"),
        ('network = { interface_endpoints = ["logs", null] }', "null in a list means nothing; remove it"),
    ],
)
def test_refuses_hcl_that_is_no_plain_value(refusal: Refuse, entry: str, message: str) -> None:
    text = refusal(f'project = "x"\n{entry}')
    assert text.startswith("environments/dev.tfvars:")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("value", ["[" * 2000 + "]" * 2000, "{ a = " * 2000 + "1" + "}" * 2000])
def test_refuses_bottomless_nesting(refusal: Refuse, value: str) -> None:
    assert "nested too deeply; no setting goes that deep" in refusal(f'project = "x"\ntags = {value}')


# --- keys and types ---


@pytest.mark.parametrize(
    ("entry", "key", "value", "remedy"),
    [
        ('projct = "x"', "projct", '"x"', "did you mean project?"),
        ("service = { memroy = 1024 }", "service.memroy", "1024", "did you mean service.memory?"),
        ("cpu = 512", "cpu", "512", "did you mean service.cpu?"),
        ("images = { foo = 1 }", "images.foo", "1", "set one of these: source, nginx, mlflow, base_registry"),
        ("network = { existing = { vpc = 1 } }", "network.existing.vpc", "1", "did you mean network.existing.vpc_id?"),
        (
            'api = { routes = { "GET /x" = { scope = [] } } }',
            'api.routes["GET /x"].scope',
            "[]",
            'did you mean api.routes["GET /x"].scopes?',
        ),
        (
            'api = { routes = { "GET /x" = { users = [] } } }',
            'api.routes["GET /x"].users',
            "[]",
            "did you mean access.users?",
        ),
        ("api = { domain = { nam = 1 } }", "api.domain.nam", "1", "did you mean api.domain.name?"),
        ("routes = {}", "routes", "{}", "did you mean api.routes?"),
        ('access = { type = "basic", user = 1 }', "access.user", "1", "did you mean access.users?"),
    ],
)
def test_refuses_an_unknown_key_and_suggests_the_nearest(
    refusal: Refuse, entry: str, key: str, value: str, remedy: str
) -> None:
    expected = f"environments/dev.tfvars:2: {key} = {value}: there is no such key; {remedy}"
    assert expected in refusal(f'project = "x"\n{entry}').splitlines()


def test_refuses_the_environment_as_a_key(refusal: Refuse) -> None:
    message = refusal('project = "x"\nenvironment = "dev"')
    assert message == 'environments/dev.tfvars:2: environment = "dev": this is the file\'s name; remove the key'


@pytest.mark.parametrize(
    ("entry", "key", "value", "remedy"),
    [
        ('protect_data = "true"', "protect_data", '"true"', "set true or false, without quotes"),
        ("protect_data = 1", "protect_data", "1", "set true or false"),
        (
            'service = { min_tasks = "2" }',
            "service.min_tasks",
            '"2"',
            "set a whole number from 1 to 5000, without quotes",
        ),
        ("service = { min_tasks = 2.5 }", "service.min_tasks", "2.5", "set a whole number from 1 to 5000"),
        ("service = { min_tasks = true }", "service.min_tasks", "true", "set a whole number from 1 to 5000"),
        (
            "database = { min_capacity = true }",
            "database.min_capacity",
            "true",
            "set a number from 0 to 256 in steps of 0.5",
        ),
        ("account_id = 12345678901", "account_id", "12345678901", 'set 12 digits in quotes, such as "012345678901"'),
        ("service = 5", "service", "5", "set a map: { ... }"),
        ("service = [5]", "service", "[5]", "set a map: { ... }"),
        (
            'network = { interface_endpoints = "logs" }',
            "network.interface_endpoints",
            '"logs"',
            "set short service names",
        ),
        ("logs = { retention_days = true }", "logs.retention_days", "true", "set 1, 3, 5, 7"),
        ("tags = { Team = 1 }", "tags.Team", "1", "set 45 tags at most"),
        ('access = { type = "oidc" }', "access.type", '"oidc"', 'set "basic", "jwt", "iam", "lambda" or "none"'),
        ('access = "basic"', "access", '"basic"', "set a map: { ... }"),
        ('access = { users = "bob" }', "access.users", '"bob"', "set 500 names at most"),
        ("access = { cognito = true }", "access.cognito", "true", "set a map: { ... }"),
        (
            'access = { cache_seconds = "5" }',
            "access.cache_seconds",
            '"5"',
            "set a whole number from 0 to 3600, without",
        ),
        ("access = { cache_seconds = 3601 }", "access.cache_seconds", "3601", "set a whole number from 0 to 3600"),
        ("api = { routes = [] }", "api.routes", "[]", "set maps by method and path, such as"),
        ('api = { routes = { "GET /x" = 3 } }', 'api.routes["GET /x"]', "3", "set maps by method and path, such as"),
        (
            'api = { routes = { "GET /x" = { throttling_rate_limit = "3" } } }',
            'api.routes["GET /x"].throttling_rate_limit',
            '"3"',
            "set a whole number from 1 to 10000, without quotes",
        ),
        ("load_balancer = { waf = true }", "load_balancer.waf", "true", "set a map: { ... }"),
    ],
)
def test_refuses_a_value_of_the_wrong_type(refusal: Refuse, entry: str, key: str, value: str, remedy: str) -> None:
    message = refusal(f'project = "x"\n{entry}')
    assert message.startswith(f"environments/dev.tfvars:2: {key} = {value}: {remedy}")


# --- values that AWS would refuse ---


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("project", '"My App"', "set lower-case letters, digits and single hyphens"),
        ("project", '"a--b"', "set lower-case letters, digits and single hyphens"),
        ("project", '"a-"', "set lower-case letters, digits and single hyphens"),
        ("project", '"1a"', "set lower-case letters, digits and single hyphens"),
        ("project", '"x\\n"', "set lower-case letters, digits and single hyphens"),
        ("project", '"abcdefghijklmnopqrstuv"', "AWS names leave room for 24: set a shorter project"),
        (
            "project",
            '"sthree"',
            "AWS reserves names that begin with amzn-s3-demo-, internal-, sthree-; set another project",
        ),
        ("project", '"internal"', "set another project"),
        ("region", '"moon"', 'set an AWS region such as "us-west-2"'),
        ("account_id", '"12345"', "set 12 digits in quotes"),
        ("account_id", '"٠١٢٣٤٥٦٧٨٩٠١"', "set 12 digits in quotes"),
        ("state.bucket", '"ab"', "set 3 to 63 lower-case letters"),
        ("state.bucket", '"Upper"', "set 3 to 63 lower-case letters"),
        ("state.bucket", '"a..b"', "set another name"),
        ("state.bucket", '"10.0.0.1"', "set another name"),
        ("state.bucket", '"xn--abc"', "set another name"),
        ("state.bucket", '"sthree-abc"', "set another name"),
        ("state.bucket", '"abc-s3alias"', "set another name"),
        ("state.bucket", '"abc--ol-s3"', "set another name"),
        ("state.bucket", '""', "set 3 to 63 lower-case letters"),
        ("state.table", '"a b c"', "set 3 to 255 letters"),
        ("state.key_prefix", '"/a"', "set names joined by slashes, none at the ends"),
        ("state.key_prefix", '"a/"', "set names joined by slashes, none at the ends"),
        ("state.lock", '"none"', 'set "dynamodb", "s3" or "both"'),
        ("state.backend", '"gcs"', 'set "s3" or "local"'),
        ("state.kms_key_id", '"alias/x"', "set the ARN of a KMS key"),
        (
            "state.kms_key_id",
            '"arn:aws:kms:eu-west-1:012345678901:key/a"',
            "the bucket is in us-west-2; set a key of that region",
        ),
        ("network.cidr", '"10.0.0.0"', "set a private network from /16 to /23 without host bits"),
        ("network.cidr", '"10.0.0.1/16"', "set a private network from /16 to /23 without host bits"),
        ("network.cidr", '"10.0.0.256/16"', "set a private network from /16 to /23 without host bits"),
        ("network.cidr", '"fd00::/16"', "set a private network from /16 to /23 without host bits"),
        ("network.cidr", '"10.0.0.0/15"', "set a size from /16 to /23"),
        ("network.cidr", '"10.0.0.0/24"', "set a size from /16 to /23"),
        ("network.cidr", '"8.8.0.0/16"', "set one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
        ("network.cidr", '"172.17.0.0/16"', "which SageMaker notebooks use for Docker; set another range"),
        ("network.cidr", '"172.17.128.0/20"', "which SageMaker notebooks use for Docker; set another range"),
        ("network.availability_zones", "1", "set a whole number from 2 to 3"),
        ("network.nat", '"none"', 'set "single" or "per_az"'),
        ("network.interface_endpoints", '["s3"]', "gateway endpoints, which are free; remove them"),
        (
            "network.interface_endpoints",
            '["execute-api"]',
            "keeps the VPC from public HTTP APIs, this one included",
        ),
        ("network.interface_endpoints", '["logs", "logs"]', "listed more than once: logs; keep one of each"),
        ("database.min_capacity", "0.3", "set a number from 0 to 256 in steps of 0.5"),
        ("database.max_capacity", "257", "set a number from 1 to 256 in steps of 0.5"),
        ("database.auto_pause_seconds", "299", "set a whole number from 300 to 86400"),
        ("database.engine_version", '"5.7"', 'set "8.0" or a version of Aurora MySQL 3'),
        ("database.engine_version", '"8.0.mysql_aurora.3.07.1"', "needs Aurora MySQL 3.08; set a later version"),
        (
            "database.engine_version",
            '"8.0.mysql_aurora.3.01"',
            "Serverless v2 needs Aurora MySQL 3.02; set a later version",
        ),
        ("database.backup_retention_days", "36", "set a whole number from 1 to 35"),
        ("database.backup_window", '"9:00-9:30"', "set HH:MM-HH:MM in UTC"),
        ("database.backup_window", '"24:00-24:30"', "set HH:MM-HH:MM in UTC"),
        ("database.backup_window", '"09:00-09:29"', "a window has 30 minutes at least; move its end"),
        ("database.maintenance_window", '"sun:10:00-sun:10:10"', "a window has 30 minutes at least; move its end"),
        ("database.maintenance_window", '"day:10:00-sun:10:10"', "set ddd:HH:MM-ddd:HH:MM in UTC"),
        ("database.maintenance_window", '"tue:08:45-tue:09:15"', 'overlaps backup_window = "09:00-09:30"; move one'),
        ("database.maintenance_window", '"sun:10:00-mon:10:00"', 'overlaps backup_window = "09:00-09:30"; move one'),
        ("service.cpu", "300", "set 256, 512, 1024, 2048, 4096, 8192 or 16384"),
        ("service.memory", "3000", "512 cpu units go with 1024, 2048, 3072 or 4096 MiB; set one of these"),
        ("service.memory", "512", "512 cpu units go with 1024, 2048, 3072 or 4096 MiB; set one of these"),
        ("service.architecture", '"arm"', 'set "arm64" or "x86_64"'),
        ("service.max_tasks", "1", "below min_tasks = 2; raise it, or lower min_tasks"),
        ("service.min_tasks", "0", "set a whole number from 1 to 5000"),
        ("service.cpu_target_percent", "91", "set a whole number from 10 to 90"),
        ("artifacts.noncurrent_days", "0", "set a whole number from 1 to 36500"),
        ("secrets.rotation", "0", "set a whole number from 1 to 1000000"),
        ("secrets.recovery_window_days", "6", "set 0 or a whole number from 7 to 30"),
        ("logs.retention_days", "31", "set 1, 3, 5, 7, 14, 30, 60"),
        ("api.throttling_rate_limit", "10001", "set a whole number from 1 to 10000"),
        ("api.throttling_burst_limit", "0", "set a whole number from 1 to 5000"),
        ("notebook.instance_type", '"t3.medium"', 'set a SageMaker instance type, such as "ml.t3.medium"'),
        ("notebook.volume_size_gb", "4", "set a whole number from 5 to 16384"),
        ("notebook.auto_stop_minutes", "14", "set 0 or a whole number from 15 to 1440"),
        ("notebook.auto_stop_minutes", "1441", "set 0 or a whole number from 15 to 1440"),
        ("notebook.studio", "true", "set a map: { ... }"),
        ("notebook.subnet_index", "2", "there are 2 private subnets, counted from 0; set 1 or less"),
        ("images.nginx", '"nginx"', "set registry/repository:tag or @digest"),
        ("images.mlflow", '"ghcr.io/mlflow/mlflow"', "set registry/repository:tag or @digest"),
        ("images.source", '"docker"', 'set "build" or "registry"'),
        ("images.source", '"registry"', 'needs both images; set images.nginx and images.mlflow, or source = "build"'),
        (
            "images.nginx",
            '"public.ecr.aws/nginx/nginx:1.28"',
            'images.source = "build" builds it; remove nginx, or set images.source = "registry"',
        ),
        ("images.base_registry", '"https://docker.io"', "set a registry, with the path to the official images"),
        ("images.base_registry", '"docker.io/library/"', "set a registry, with the path to the official images"),
        ("artifacts.mode", '"proxy"', 'set "proxied" or "direct"'),
        ("artifacts.force_destroy", "true", "set force_destroy = false, or set protect_data = false as well"),
        ("database.final_snapshot", "false", "set final_snapshot = true, or set protect_data = false as well"),
        ("secrets.recovery_window_days", "0", "from 7 to 30, or set protect_data = false as well"),
    ],
)
def test_refuses_what_aws_would_refuse(refusal: Refuse, key: str, value: str, remedy: str) -> None:
    group, _, leaf = key.rpartition(".")
    entry = f"{group} = {{\n{leaf} = {value}\n}}" if group else f"{key} = {value}"
    message = refusal(entry if key == "project" else f'{entry}\nproject = "x"')
    assert message.startswith(f"environments/dev.tfvars:{2 if group else 1}: {key} = {value}: ")
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        ("database = { min_capacity = 2, max_capacity = 1 }", "max_capacity = 1: below min_capacity = 2; raise it"),
        (
            "database = { min_capacity = 0.5, auto_pause_seconds = 600 }",
            "auto_pause_seconds = 600: with min_capacity = 0.5 the database never pauses; remove it",
        ),
        (
            'database = { min_capacity = 1, max_capacity = 200, engine_version = "8.0.mysql_aurora.3.05.2" }',
            "max_capacity = 200: more than 128 ACU need Aurora MySQL 3.06; lower it",
        ),
        (
            "service = { cpu = 4096 }",
            "service.memory = 1024: 4096 cpu units go with 8192 to 30720 (in steps of 1024) MiB",
        ),
        ("service = { cpu = 8192, memory = 17408 }", "go with 16384 to 61440 (in steps of 4096) MiB; set one of these"),
        ('state = { backend = "local", bucket = "abc" }', 'state.backend = "local" has none; remove bucket'),
        ('state = { backend = "local", table = "abc" }', 'state.backend = "local" has none; remove table'),
        ('state = { lock = "s3", table = "abc" }', 'state.lock = "s3" uses no table; remove table'),
        ('tags = { "aws:x" = "1" }', 'tags["aws:x"]: tags that begin with aws: belong to AWS; rename or remove it'),
        (
            'tags = { Team = "1", team = "2" }',
            "IAM takes keys that differ only in case for one (team); keep one of each",
        ),
        ('tags = { "a!" = "1" }', 'tags["a!"]: set 45 tags at most'),
        ("tags = { " + ", ".join(f'k{n} = "v"' for n in range(46)) + " }", "set 45 tags at most"),
        ("tags = { " + "k" * 129 + ' = "v" }', "set 45 tags at most"),
        ('tags = { k = "' + "v" * 257 + '" }', "set 45 tags at most"),
    ],
)
def test_refuses_values_that_do_not_go_together(refusal: Refuse, entry: str, remedy: str) -> None:
    message = refusal(f'project = "x"\n{entry}')
    assert message.startswith("environments/dev.tfvars:2: ")
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "entry",
    [
        'cidr = "10.0.0.0/16"',
        "availability_zones = 2",
        'nat = "single"',
        "flow_logs = true",
        'interface_endpoints = ["logs"]',
    ],
)
def test_refuses_keys_of_our_own_network_beside_an_existing_one(refusal: Refuse, entry: str) -> None:
    existing = '{ vpc_id = "vpc-01234567", private_subnet_ids = ["subnet-01234567", "subnet-01234568"] }'
    message = refusal(f'project = "x"\nnetwork = {{\n{entry}\nexisting = {existing}\n}}')
    key = entry.split(" = ")[0]
    assert message.startswith(
        f"environments/dev.tfvars:3: network.{entry}: network.existing brings its own; remove {key}"
    )


@pytest.mark.parametrize(
    ("existing", "key"),
    [
        ('{ vpc_id = "vpc-01234567", private_subnet_ids = ["subnet-01234567"] }', "private_subnet_ids"),
        (
            '{ vpc_id = "vpc-01234567", private_subnet_ids = ["subnet-01234567", "subnet-01234567"] }',
            "private_subnet_ids",
        ),
        ('{ vpc_id = "vpc-x", private_subnet_ids = ["subnet-01234567", "subnet-01234568"] }', "vpc_id"),
        ('{ private_subnet_ids = ["subnet-01234567", "subnet-01234568"] }', "vpc_id"),
        ('{ vpc_id = "vpc-01234567" }', "private_subnet_ids"),
    ],
)
def test_refuses_an_existing_network_with_too_little(refusal: Refuse, existing: str, key: str) -> None:
    message = refusal(f'project = "x"\nnetwork = {{ existing = {existing} }}')
    assert message.startswith(f"environments/dev.tfvars:2: network.existing.{key}")
    assert "\n" not in message


def test_refuses_an_invalid_region_of_the_shell_by_its_name(refusal: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "moon")
    message = refusal('project = "x"')
    assert message.startswith(
        'environments/dev.tfvars: the environment variable AWS_REGION = "moon": set an AWS region'
    )


# --- all at once, and readable ---


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("domain_id", '"0123456789ab"', 'set the ID of a Studio domain, such as "d-0123456789ab"'),
        ("domain_id", '"d-"', 'set the ID of a Studio domain, such as "d-0123456789ab"'),
        ("user_profile", '"a_b"', "set 1 to 63 letters, digits and hyphens, with a letter or digit at both ends"),
        ("user_profile", '"-a"', "set 1 to 63 letters, digits and hyphens, with a letter or digit at both ends"),
    ],
)
def test_refuses_a_studio_that_sagemaker_would_refuse(refusal: Refuse, key: str, value: str, remedy: str) -> None:
    message = refusal(f'project = "x"\nnotebook = {{ studio = {{ {key} = {value} }} }}')
    assert message == f"environments/dev.tfvars:2: notebook.studio.{key} = {value}: {remedy}"


def test_refuses_studio_without_the_notebook_in_whose_role_its_users_work(refusal: Refuse) -> None:
    message = refusal('project = "x"\nnotebook = { enabled = false, studio = {} }')
    assert message == (
        "environments/dev.tfvars:2: notebook.studio = {}: its users work in the notebook's role; "
        "remove studio, or set notebook.enabled = true"
    )


def test_reports_every_mistake_of_a_file_at_once_in_the_order_of_its_lines(refusal: Refuse) -> None:
    message = refusal(
        'region = us-west-2\nprojct = "x"\nprotect_data = true\n'
        "artifacts = {\n  force_destroy = true\n}\n"
        "service = {\n  memory = 3000\n  max_tasks = 1\n}\n"
        "notebook {\n}\n"
        "database = {\n  min_capacity = 0.3\n  final_snapshot = false\n}\n"
    )
    assert [line.split(" = ")[0].split(": ", 1)[1].split(":")[0] for line in message.splitlines()] == [
        "project",
        "region",
        "projct",
        "artifacts.force_destroy",
        "service.memory",
        "service.max_tasks",
        "notebook",
        "database.min_capacity",
    ]


def test_a_value_that_cannot_be_read_causes_no_second_complaint(refusal: Refuse) -> None:
    assert len(refusal("project = var.x\nnetwork = { existing = { vpc_id = var.y } }").splitlines()) == 3


def test_a_long_or_unprintable_value_stays_on_one_readable_line(refusal: Refuse) -> None:
    message = refusal('project = "' + "y" * 500 + '"\nregion = "a\\u001b[31m\\n"')
    assert max(map(len, message.splitlines())) < 400
    assert "\x1b" not in message
    assert len(message.splitlines()) == 2


# --- documentation ---


def test_the_table_lists_every_key_with_what_it_allows_and_does() -> None:
    rows = [line for line in markdown_table().splitlines() if line.startswith("| `")]
    cells = {row.split(" | ")[0].strip("| `"): row.strip("| ").split(" | ") for row in rows}
    written = {dotted(place) for place, field in keys().items() if len(place) > 1 or not groups_of(field)}
    assert set(cells) == written
    assert {"access.cognito.domain_prefix", 'api.routes["METHOD /path"].scopes', "network.existing"} <= written
    assert [key for key, row in cells.items() if len(row) != 4 or not all(row)] == []


def test_the_table_shows_defaults_as_one_writes_them() -> None:
    table = markdown_table()
    assert "| `project` | lower-case letters" in table
    assert "| required |" in table
    assert "| `service.cpu` | 256, 512, 1024, 2048, 4096, 8192 or 16384 | `512` |" in table
    assert "| `AWS_REGION` in the shell, else `us-west-2` |" in table


def test_every_field_has_a_description() -> None:
    assert [place for place, field in fields().items() if not field.description] == []


def test_settings_know_nothing_of_constructs_and_stacks() -> None:
    trees = [ast.parse(file.read_text()) for file in PACKAGE.glob("*.py")]
    modules = {node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in modules if name and name.startswith(("constructs_lib", "stacks", "cdktf"))}
