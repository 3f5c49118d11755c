"""No secret of a plan gets into a review: neither by Terraform's marks nor by names."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.plan import resources, review_plans
from review.plan_json.redaction import UNKNOWN, Hidden, Json, is_secret_name, redacted
from tests.review.plans import STACK, TODAY, created, destroyed, plan, replaced, updated

CANARY = "canary-7f3a9"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "master_password",
        "master_password_wo",
        "secret_string",
        "SecretString",
        "client_secret",
        "DB_PASSWORD",
        "PGPASSWORD",
        "AUTH_TOKEN",
        "apiKey",
        "private_key",
        "aws_secret_access_key",
        "Authorization",
        "connection_string",
    ],
)
def test_a_name_that_sounds_like_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)
    assert isinstance(redacted({name: CANARY})[name], Hidden)


@pytest.mark.parametrize(
    "name",
    [
        "secret_arn",
        "secret_id",
        "password_policy",
        "master_password_wo_version",
        "secret_string_wo_version",
        "authorization_type",
        "authorization_scopes",
        "access_token_validity",
        "enable_token_revocation",
        "kms_key_id",
        "recovery_window_in_days",
        "key_name",
    ],
)
def test_what_is_said_about_a_secret_stays_readable(name: str) -> None:
    assert redacted({name: "text"}) == {name: "text"}


def test_arns_and_references_of_secrets_stay_readable() -> None:
    arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:mlflow-AbCdEf:password::"
    values = {"MLFLOW_SECRET": arn, "password": "${aws_x.y.z}", "identity": ["$request.header.Authorization"]}
    assert redacted(values) == values


def test_a_policy_about_secrets_stays_readable() -> None:
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["secretsmanager:GetSecretValue"],
                "Resource": ["arn:aws:secretsmanager:us-west-2:123456789012:secret:mlflow-AbCdEf"],
                "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:a/b:pull_request"}},
            }
        ]
    }
    assert redacted(json.dumps(policy)) == Json(policy)


def test_variables_of_containers_are_hidden_by_their_names_inside_json_too() -> None:
    definitions = [
        {
            "name": "nginx",
            "environment": [{"name": "PORT", "value": "80"}, {"name": "DB_PASSWORD", "value": CANARY}],
            "secrets": [{"name": "AUTH_PASSWORD", "valueFrom": "arn:aws:secretsmanager:x"}],
        }
    ]
    found = redacted({"container_definitions": json.dumps(definitions)})["container_definitions"]
    assert CANARY not in str(found)
    assert found.value[0]["environment"][0] == {"name": "PORT", "value": "80"}
    assert found.value[0]["secrets"] == definitions[0]["secrets"]


def test_passwords_in_urls_commands_and_scripts_are_hidden() -> None:
    script = f"#!/bin/sh\nexport DB_PASSWORD='{CANARY}' PORT=80\ncurl https://user:{CANARY}@example.com/?token={CANARY}&a=1\n"
    encoded = base64.b64encode(script.encode()).decode()
    for found in (redacted(script), str(redacted(encoded))):
        assert CANARY not in found
        assert "PORT=80" in found
        assert "example.com" in found
        assert "&a=1" in found


def test_marks_hide_nested_values_and_unset_ones_stay_unset() -> None:
    values = {"a": {"b": [CANARY, "plain"]}, "c": CANARY, "d": None, "e": "", "f": "plain"}
    marks = {"a": {"b": [True, False]}, "c": True, "d": True, "e": True}
    found = redacted(values, marks)
    assert CANARY not in repr(found)
    assert (found["a"]["b"][1], found["d"], found["e"], found["f"]) == ("plain", None, "", "plain")


def test_two_secrets_are_equal_if_they_were_and_say_nothing_else() -> None:
    one, same, other = (redacted(text, True) for text in (CANARY, CANARY, "another"))
    assert one == same != other
    assert repr(one) == "Hidden()"


def test_what_only_an_apply_will_know_is_marked_at_its_place() -> None:
    found = redacted({"a": [{"b": 1}], "c": None}, {}, {"a": [{"b": False, "d": True}], "c": True, "e": {}})
    assert found == {"a": [{"b": 1, "d": UNKNOWN}], "c": UNKNOWN}


def test_halves_of_characters_cannot_reach_a_file() -> None:
    found = redacted({"a\ud800": ["b\udfff"]})
    assert json.dumps(found, ensure_ascii=False).encode() == b'{"a?": ["b?"]}'


def test_what_is_nested_too_deep_is_hidden_instead_of_followed() -> None:
    value: Any = CANARY
    for _ in range(400):
        value = [value]
    assert CANARY not in repr(redacted(value))


def test_a_long_word_takes_no_longer_than_its_length() -> None:
    assert redacted("a" * 200_000 + "=") == "a" * 200_000 + "="


# A value with its mask: whatever is marked is a canary, whatever is not says nothing of it.
_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8).filter(lambda text: CANARY not in text)
_names = st.sampled_from(["name", "value", "tags", "policy", "id", "Statement", "environment", "a", "rule"])


def _masked(children: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    lists = st.lists(children, max_size=3).map(lambda pairs: ([each[0] for each in pairs], [each[1] for each in pairs]))
    maps = st.dictionaries(_names, children, max_size=4).map(
        lambda pairs: ({k: v[0] for k, v in pairs.items()}, {k: v[1] for k, v in pairs.items()})
    )
    return lists | maps


_canaries = st.sampled_from(
    [CANARY, [CANARY], {CANARY: 1}, {"deep": {"er": CANARY}}, json.dumps({"inside": CANARY}), f"a {CANARY} b"]
).map(lambda value: (value, True))
_values = st.recursive(_plain.map(lambda value: (value, False)) | _canaries, _masked, max_leaves=12)
_resources = st.dictionaries(_names, _values, max_size=6).map(
    lambda pairs: ({k: v[0] for k, v in pairs.items()}, {k: v[1] for k, v in pairs.items()})
)
_types = st.sampled_from(["aws_iam_role_policy", "aws_ecs_task_definition", "aws_rds_cluster", "aws_s3_bucket", "x_y"])


@given(
    st.lists(st.tuples(_types, st.sampled_from([updated, replaced]), _resources, _resources), max_size=4),
    _resources,
    _values,
)
def test_nothing_that_is_marked_gets_into_a_review(
    changes: list[tuple[Any, ...]], new: tuple[Any, Any], output: tuple[Any, Any]
) -> None:
    entries = [
        make(f"{type}.r{index}", old[0], now[0], before_sensitive=old[1], after_sensitive=now[1])
        for index, (type, make, old, now) in enumerate(changes)
    ]
    entries.append(created("x_y.new", **new[0]) | {"address": "x_y.new"})
    entries[-1]["change"]["after_sensitive"] = new[1]
    outputs = {
        "endpoint": {
            "actions": ["update"],
            "before": "x",
            "after": output[0],
            "after_unknown": False,
            "before_sensitive": False,
            "after_sensitive": output[1],
        }
    }
    whole = plan(*entries, destroyed("x_y.gone", id="1"), outputs=outputs, drift=tuple(entries[:1]))
    found = review_plans({STACK: whole}, {}, base_plans={STACK: whole}, today=TODAY)
    assert CANARY not in repr(found)
    assert CANARY not in repr(resources(whole, STACK))


def test_keys_of_a_secret_map_are_not_shown_as_what_forces_a_replacement() -> None:
    entry = replaced("aws_s3_bucket.a", {"tags": {CANARY: "1"}}, {"tags": {CANARY: "2"}})
    entry["change"] |= {
        "replace_paths": [["tags", CANARY]],
        "before_sensitive": {"tags": True},
        "after_sensitive": {"tags": True},
    }
    assert CANARY not in repr(review_plans({STACK: plan(entry)}, {}, today=TODAY))
