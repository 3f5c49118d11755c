"""What moto lacks of Elastic Load Balancing, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, wrap


def elbv2_load_balancers_are_active() -> None:
    """AWS's load balancers become active by themselves; moto's stay provisioning until they are described."""
    from moto.elbv2.models import FakeLoadBalancer

    def create(original: Method, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.activate()

    wrap(FakeLoadBalancer, "__init__", create)


def elbv2_protected_load_balancers_stay() -> None:
    """AWS refuses to delete a load balancer that has deletion protection; moto deletes it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    def delete(original: Method, self: Any, arn: str) -> Any:
        balancer = self.load_balancers.get(arn)
        if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        return original(self, arn)

    wrap(ELBv2Backend, "delete_load_balancer", delete)


def elbv2_listeners_without_tls_have_no_certificate() -> None:
    """AWS removes certificate and policy from a listener that changes from HTTPS to HTTP; moto keeps them.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    from moto.elbv2.models import ELBv2Backend

    def modify(original: Method, self: Any, *args: Any, **kwargs: Any) -> Any:
        listener = original(self, *args, **kwargs)
        if listener.protocol == "HTTP":
            listener.certificate, listener.certificates, listener.ssl_policy = None, [], None
        return listener

    wrap(ELBv2Backend, "modify_listener", modify)
