"""What moto lacks of Lambda, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, wrap


def awslambda_functions_say_where_they_log() -> None:
    """AWS describes a function with its log group and format; moto drops them.

    https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
    """
    from moto.awslambda.models import LambdaFunction

    def keep(function: Any, spec: dict[str, Any]) -> None:
        if "LoggingConfig" in spec:
            function.logging_config = spec["LoggingConfig"]

    def create(original: Method, self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        original(self, account_id, spec, *args, **kwargs)
        keep(self, spec)

    def update(original: Method, self: Any, config_updates: dict[str, Any]) -> Any:
        keep(self, config_updates)
        return original(self, config_updates)

    def describe(original: Method, self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        usual = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
        return {**original(self, *args, **kwargs), "LoggingConfig": {**usual, **vars(self).get("logging_config", {})}}

    wrap(LambdaFunction, "__init__", create)
    wrap(LambdaFunction, "update_configuration", update)
    wrap(LambdaFunction, "get_configuration", describe)
