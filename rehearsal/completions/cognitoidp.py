"""What moto lacks of Cognito user pools, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, add, wrap

_KEPT = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration", "UserPoolTags")


def cognitoidp_client_updates_replace_everything() -> None:
    """AWS takes the default for what an update of an app client leaves out; moto keeps what was there.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html
    """
    from moto.cognitoidp.models import CognitoIdpBackend, CognitoIdpUserPoolClient

    def update(original: Method, self: Any, user_pool_id: str, client_id: str, extended_config: dict[str, Any]) -> Any:
        client = original(self, user_pool_id, client_id, {})  # raises if it does not exist
        name = {"ClientName": client.extended_config.get("ClientName")}
        client.extended_config = CognitoIdpUserPoolClient(
            user_pool_id, False, {**name, **extended_config}
        ).extended_config
        return client

    wrap(CognitoIdpBackend, "update_user_pool_client", update)


def cognitoidp_pools_can_be_tagged() -> None:
    """AWS tags user pools after their creation too; moto lacks these operations.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_TagResource.html
    """
    from moto.cognitoidp.responses import CognitoIdpResponse as Response
    from moto.core.responses import ActionResult, EmptyResult

    def tags_of(response: Any) -> dict[str, str]:
        pool_id = response._get_param("ResourceArn").rpartition("/")[2]
        config = response.backend.describe_user_pool(pool_id).extended_config  # raises if it does not exist
        tags: dict[str, str] = config.setdefault("UserPoolTags", {})
        return tags

    def list_tags(self: Any) -> Any:
        return ActionResult({"Tags": tags_of(self)})

    def tag(self: Any) -> Any:
        tags_of(self).update(self._get_param("Tags"))
        return EmptyResult()

    def untag(self: Any) -> Any:
        tags = tags_of(self)
        for key in self._get_param("TagKeys"):
            tags.pop(key, None)
        return EmptyResult()

    add(Response, list_tags_for_resource=list_tags, tag_resource=tag, untag_resource=untag)


def cognitoidp_pools_keep_tags_and_how_users_are_named() -> None:
    """AWS keeps a user pool's tags and how its users are named, whatever an update leaves out; moto drops them.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html
    """
    from moto.cognitoidp.models import CognitoIdpUserPool

    def update(original: Method, self: Any, extended_config: dict[str, Any]) -> None:
        before = vars(self).get("extended_config", {})
        kept = {name: before[name] for name in _KEPT if name in before}
        original(self, {**kept, **extended_config})

    wrap(CognitoIdpUserPool, "update_extended_config", update)


def cognitoidp_protected_pools_stay() -> None:
    """AWS refuses to delete a user pool whose deletion protection is active; moto deletes it.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html
    """
    from moto.cognitoidp.exceptions import InvalidParameterException
    from moto.cognitoidp.models import CognitoIdpBackend

    def delete(original: Method, self: Any, user_pool_id: str) -> Any:
        pool = self.describe_user_pool(user_pool_id)
        if pool.extended_config.get("DeletionProtection") == "ACTIVE":
            message = "The user pool cannot be deleted because deletion protection is activated. "
            raise InvalidParameterException(f"{message}Deletion protection must be inactivated first.")
        return original(self, user_pool_id)

    wrap(CognitoIdpBackend, "delete_user_pool", delete)


def cognitoidp_resource_servers_change_and_go() -> None:
    """AWS updates and deletes the resource servers of a user pool; moto lacks both operations.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateResourceServer.html
    """
    from moto.cognitoidp.responses import CognitoIdpResponse as Response
    from moto.core.responses import ActionResult, EmptyResult

    def found(response: Any) -> Any:
        pool, identifier = response._get_param("UserPoolId"), response._get_param("Identifier")
        return response.backend.describe_resource_server(pool, identifier)  # raises if it does not exist

    def update(self: Any) -> Any:
        server = found(self)
        server.name, server.scopes = self._get_param("Name"), self._get_param("Scopes") or []
        return ActionResult({"ResourceServer": server.to_json()})

    def delete(self: Any) -> Any:
        server = found(self)
        del self.backend.describe_user_pool(server.user_pool_id).resource_servers[server.identifier]
        return EmptyResult()

    add(Response, update_resource_server=update, delete_resource_server=delete)
