"""What nginx's entrypoint refuses in its variables, and that it names every mistake before it writes anything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.process import SEARCH_PATH, free_port
from tests.dataplane.nginx import IMAGE, PASSWORD, PATIENCE, USER, Upstream, environment, run_nginx, run_upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with run_upstream(free_port()) as server:
        yield server


REFUSED = {
    "AUTH_MODE": ["", "none", "Basic", "basic\nx", "a\\nb"],
    "AUTH_USERNAME": ["", "a:b", "#a", "a\nb"],
    "AUTH_PASSWORD": ["", f"{PASSWORD}\n", f"{PASSWORD}\t", PASSWORD * 20],
    "AUTH_USERS": [
        *("a:b", "#a", "a\nb", "a\tb", "-a", ".a", "a/b", "a$b", "a b*", "?", "ä", "a;b", "a" * 65),
        *(USER, f"alice {USER}", "alice bob alice"),
    ],
    "ALLOWED_CIDRS": [
        *("10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.256/32", "10.0.0.0/", "/8", "10.0.0.0/8/8", "10.0.0.0/-1"),
        *("10.0.0.0.0/8", "10.0.0.0./8", "010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/8,11.0.0.0/8", "10.0.0.0/8;"),
        *("::", "::/129", ":::/8", "1::2::3/64", "1:2:3/64", "12345::/16", "g::/16", "fe80::1%1/64", ":1::/64", "1:/8"),
        *("default", "include", "10.0.0.0/8\n0.0.0.0/0", "10.0.0.0/8\t", "$host/8", "*", "0/0", "}", "10.0.0.0/8 1;}"),
    ],
    "MLFLOW_PORT": ["", "0", "65536", "9" * 20, "5000;", "5000\n1", "-1", "http"],
    "NGINX_LISTEN": ["", "0", "8080;", ":8080", "::", "127.0.0.1:", "a b:80", "$host:80", "1\n2"],
    "TMPDIR": ["", "relative", "/does/not/exist", "/etc/passwd"],
}


REFUSED_IN_GATEWAY_MODE = {
    "GATEWAY_ACCESS": ["", "basic", "JWT", "jwt iam", "jwt ", "jwt\n", '"', "$host", "trusted jwt", "\\S+", "."],
    "DIRECT_CLIENTS": ["", "Trusted", "true", "trusted\n", 'refused" ""; default "', "$host"],
    "ALLOWED_CIDRS": ["x"],
}
GATEWAY = {"AUTH_MODE": "gateway", "GATEWAY_ACCESS": "jwt"}


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]])
def test_refuses_bad_input_before_it_writes(tmp_path: Path, variable: str, value: str) -> None:
    assert_refused(variable, environment(tmp_path, **{variable: value}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, values in REFUSED_IN_GATEWAY_MODE.items() for value in values]
)
def test_refuses_bad_input_in_gateway_mode_too(tmp_path: Path, variable: str, value: str) -> None:
    assert_refused(variable, environment(tmp_path, **{**GATEWAY, variable: value}))
    assert not list(tmp_path.iterdir())


def assert_refused(variable: str, env: Mapping[str, str]) -> None:
    """Each line is about *variable*; a list has one for each of its mistakes."""
    lines = refusals(env)
    assert {tuple(line.split()[:2]) for line in lines} == {("error:", variable)}
    assert len(lines) == 1 or "contains" in lines[0]


def test_an_unknown_access_is_missing_too(tmp_path: Path) -> None:
    [line] = refusals(environment(tmp_path, AUTH_MODE="gateway"))
    assert line.startswith("error: GATEWAY_ACCESS is missing")


def test_names_every_mistake_at_once(tmp_path: Path) -> None:
    wrong = {"AUTH_USERS": f"a/b {USER} c c", "ALLOWED_CIDRS": "x 10.0.0.0/8 y/1", "MLFLOW_PORT": "z"}
    names = [line.split()[1] for line in refusals(environment(tmp_path, **wrong))]
    assert names == [*["AUTH_USERS"] * 3, *["ALLOWED_CIDRS"] * 2, "MLFLOW_PORT"]


def test_a_pattern_names_no_users_after_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alice").touch()
    monkeypatch.chdir(tmp_path)
    assert_refused("AUTH_USERS", environment(tmp_path, AUTH_USERS="*"))


NASTY = st.text(
    st.sampled_from(" \t\n\"';{}$\\#*?[]:/.0123456789abcdef@-_AZ") | st.characters(codec="utf-8"), max_size=30
)
NETWORKS = st.one_of(
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 128)),
    st.builds(lambda address, bits: f"{address.exploded.upper()}/{bits}", st.ip_addresses(v=6), st.integers(0, 128)),
)
bounded = settings(deadline=None, max_examples=60, derandomize=True)


def accepted(variable: str, value: str, **mode: str) -> bool:
    """Whether the entrypoint has nothing to say about *value*; a port that is wrong keeps it from going on."""
    env = environment(Path("/tmp"), MLFLOW_PORT="none", **mode, **{variable: value})  # noqa: S108 - nothing is written
    return [line.split()[1] for line in refusals(env)] == ["MLFLOW_PORT"]


@bounded
@given(st.lists(NETWORKS, max_size=5))
def test_accepts_every_network(networks: list[str]) -> None:
    assert accepted("ALLOWED_CIDRS", "  ".join(networks))


@bounded
@given(NASTY.filter(lambda text: "\0" not in text))
def test_accepts_no_text_that_could_be_more_than_it_says(text: str) -> None:
    if accepted("ALLOWED_CIDRS", text):
        assert re.fullmatch(r"[0-9A-Fa-f:./ ]*", text)
    if accepted("AUTH_USERS", text):
        assert re.fullmatch(r"( *[A-Za-z0-9][A-Za-z0-9._@-]{0,63}( |\Z))* *", text)
    assert accepted("GATEWAY_ACCESS", text, AUTH_MODE="gateway") == (text in {"jwt", "iam", "lambda", "none"})
    assert accepted("DIRECT_CLIENTS", text, **GATEWAY) == (text in {"refused", "trusted"})


def test_text_in_variables_of_the_other_mode_reaches_nothing(upstream: Upstream) -> None:
    text = 'jwt" 1; } } evil {'
    with run_nginx(upstream.port, GATEWAY_ACCESS=text, DIRECT_CLIENTS=text) as proxy:
        assert (proxy.ask("/").status, proxy.ask("/", login=None).status) == (200, 401)
        assert "evil" not in (proxy.run / "nginx.conf").read_text("utf-8")
    with run_nginx(
        upstream.port, AUTH_MODE="gateway", GATEWAY_ACCESS="jwt", AUTH_USERS=text, AUTH_USERNAME=text
    ) as proxy:
        assert [path.name for path in proxy.run.glob("htpasswd")] == []


def test_refuses_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    missing = refusals({"PATH": SEARCH_PATH, "TMPDIR": str(tmp_path), "AUTH_MODE": "basic"})
    assert [line.split()[1] for line in missing] == ["AUTH_USERNAME", "AUTH_PASSWORD"]


def refusals(env: Mapping[str, str]) -> list[str]:
    result = subprocess.run([IMAGE / "entrypoint.sh"], env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stdout) == (1, "")
    assert PASSWORD not in result.stderr
    return result.stderr.splitlines()
