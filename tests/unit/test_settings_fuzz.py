"""Whatever is in the file, a person gets settings or a message, never a traceback."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from errors import UserError
from settings import AccessSettings, RouteSettings, Settings, environment_names, load
from settings.fields import keys
from settings.tfvars import KeyPath, hcl

SHIPPED = [
    (Path(__file__).parents[2] / "environments" / f"{name}.tfvars").read_text() for name in sorted(environment_names())
]
KEYS = [tuple("GET /x" if part == "METHOD /path" else part for part in place) for place in keys()]
ACCESS = [*AccessSettings.model_fields]
ROUTE = [*RouteSettings.model_fields]

unhurried = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-5, max_value=20000),
    st.floats(allow_nan=False),
    st.sampled_from(
        [0.5, "", "s3", "local", "10.0.0.0/8", "8.0", "09:00-09:30", "${x}", "vpc-01234567", "aws:x", "both"]
    ),
    st.sampled_from(["basic", "jwt", "iam", "lambda", "none", "https://a.b", "mlflow/read", "example.com", "::/0"]),
    st.text(max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
route_keys = st.one_of(
    st.sampled_from(["ANY /", "GET /", "ANY /{proxy+}", "$default", "GET /a/{b}", "GET /a/{c}", "POST /api/x", "x"]),
    st.text("GET POS/{}+$a%_ \u00e9", max_size=20),
    st.text(max_size=10),
)


def outcome(content: bytes) -> Settings | str:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "dev.tfvars").write_bytes(content)
        try:
            return load("dev", directory=Path(directory))
        except UserError as error:
            return str(error)


def holds(result: Settings | str) -> bool:
    """Settings, or lines that can be printed and name the file."""
    return isinstance(result, Settings) or all(
        line.isprintable() and "dev.tfvars" in line for line in result.split("\n")
    )


def nested(place: KeyPath, value: object) -> object:
    for part in reversed(place):
        value = {part: value}
    return value


def written(value: object) -> str:
    """HCL of any length; ``tfvars.hcl`` shortens."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{hcl(str(key))} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return hcl(value) if isinstance(value, str | bool | None) else repr(value)


@unhurried
@given(st.text())
def test_any_text_ends_in_settings_or_a_message(text: str) -> None:
    assert holds(outcome(text.encode("utf-8", "surrogatepass")))


@unhurried
@given(st.binary(max_size=100))
def test_any_bytes_end_in_settings_or_a_message(content: bytes) -> None:
    assert holds(outcome(content))


@unhurried
@given(
    st.sampled_from(SHIPPED),
    st.integers(0, 3000),
    st.integers(0, 8),
    st.text('{}[]()"=,.$%\\#/*<\n :-0123abc', max_size=6),
)
def test_a_shipped_file_with_a_slip_of_the_pen_ends_in_settings_or_a_message(
    text: str, start: int, length: int, slip: str
) -> None:
    assert holds(outcome((text[:start] + slip + text[start + length :]).encode()))


@unhurried
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=4))
def test_any_values_of_known_keys_end_in_settings_or_a_message(chosen: dict[KeyPath, object]) -> None:
    lines = ['project = "x"', *(f"{place[0]} = {written(nested(place[1:], value))}" for place, value in chosen.items())]
    assert holds(outcome("\n".join(lines).encode("utf-8", "surrogatepass")))


@unhurried
@given(
    st.dictionaries(st.sampled_from(ACCESS), values, max_size=4),
    st.dictionaries(route_keys, st.dictionaries(st.sampled_from(ROUTE), values, max_size=3) | values, max_size=3),
)
def test_any_access_with_any_routes_ends_in_settings_or_a_message(
    access: dict[str, object], routes: dict[str, object]
) -> None:
    text = f'project = "x"\naccess = {written(access)}\napi = {{ routes = {written(routes)} }}'
    assert holds(outcome(text.encode("utf-8", "surrogatepass")))


@unhurried
@given(st.text(max_size=30))
def test_any_name_of_an_environment_that_does_not_exist_ends_in_a_message(name: str) -> None:
    assume(name not in environment_names())
    with pytest.raises(UserError, match="dev, prod"):
        load(name)
