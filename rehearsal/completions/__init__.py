"""What moto lacks, or answers differently from AWS, completed for the operations that the stacks use.

One module per service and one function per gap: its docstring says what AWS does, and what moto does instead. The
changes are to moto's classes and stay for the life of the process; what they remember is kept on moto's own objects,
and is forgotten when those are.
"""

from __future__ import annotations

import functools

from rehearsal.completions.apigatewayv2 import (
    apigatewayv2_authorizers_in_use_stay,
    apigatewayv2_domain_names_are_available,
    apigatewayv2_stages_can_be_tagged,
    apigatewayv2_stages_can_be_updated,
    apigatewayv2_stages_know_their_routes,
    apigatewayv2_updates_take_away,
)
from rehearsal.completions.application_autoscaling import application_autoscaling_tags
from rehearsal.completions.awslambda import awslambda_functions_say_where_they_log
from rehearsal.completions.cognitoidp import (
    cognitoidp_client_updates_replace_everything,
    cognitoidp_pools_can_be_tagged,
    cognitoidp_pools_keep_tags_and_how_users_are_named,
    cognitoidp_protected_pools_stay,
    cognitoidp_resource_servers_change_and_go,
)
from rehearsal.completions.ec2 import (
    ec2_nat_gateway_interfaces_end_with_them,
    ec2_network_acls_end_with_their_vpc,
    ec2_rules_between_groups_have_descriptions,
)
from rehearsal.completions.ecs import (
    ecs_service_keeps_what_it_was_given,
    ecs_services_run,
)
from rehearsal.completions.elbv2 import (
    elbv2_listeners_without_tls_have_no_certificate,
    elbv2_load_balancers_are_active,
    elbv2_protected_load_balancers_stay,
)
from rehearsal.completions.kms import kms_rotation_period
from rehearsal.completions.rds import (
    rds_automated_snapshots_end_with_their_cluster,
    rds_changed_subnet_groups_stay,
    rds_scaling_configuration_only_where_set,
)
from rehearsal.completions.route53 import (
    route53_zones_leave_nothing,
    route53_zones_with_a_vpc_are_private,
)
from rehearsal.completions.s3 import (
    s3_bucket_subresources,
    s3_conditional_denials_do_not_deny_everything,
    s3_delete_markers_can_be_deleted,
)
from rehearsal.completions.sagemaker import (
    sagemaker_lifecycle_configuration_tags,
    sagemaker_lifecycle_configuration_update,
    sagemaker_notebook_instance_types,
    sagemaker_notebook_keeps_what_it_was_given,
)
from rehearsal.completions.sagemaker_studio import (
    sagemaker_domains_are_created_with_their_id,
    sagemaker_domains_in_use_stay,
    sagemaker_domains_say_whether_they_propagate_tags,
    sagemaker_domains_that_are_gone_are_not_found,
    sagemaker_user_profiles,
)
from rehearsal.completions.servicediscovery import servicediscovery_zones_end_with_their_namespace


@functools.cache
def complete() -> None:
    """Apply every completion, once in the life of the process."""
    for completion in (
        apigatewayv2_authorizers_in_use_stay,
        apigatewayv2_domain_names_are_available,
        apigatewayv2_stages_can_be_tagged,
        apigatewayv2_stages_can_be_updated,
        apigatewayv2_stages_know_their_routes,
        apigatewayv2_updates_take_away,
        application_autoscaling_tags,
        awslambda_functions_say_where_they_log,
        cognitoidp_client_updates_replace_everything,
        cognitoidp_pools_can_be_tagged,
        cognitoidp_pools_keep_tags_and_how_users_are_named,
        cognitoidp_protected_pools_stay,
        cognitoidp_resource_servers_change_and_go,
        ec2_nat_gateway_interfaces_end_with_them,
        ec2_network_acls_end_with_their_vpc,
        ec2_rules_between_groups_have_descriptions,
        ecs_service_keeps_what_it_was_given,
        ecs_services_run,
        elbv2_listeners_without_tls_have_no_certificate,
        elbv2_load_balancers_are_active,
        elbv2_protected_load_balancers_stay,
        kms_rotation_period,
        rds_automated_snapshots_end_with_their_cluster,
        rds_changed_subnet_groups_stay,
        rds_scaling_configuration_only_where_set,
        route53_zones_leave_nothing,
        route53_zones_with_a_vpc_are_private,
        s3_bucket_subresources,
        s3_conditional_denials_do_not_deny_everything,
        s3_delete_markers_can_be_deleted,
        sagemaker_domains_are_created_with_their_id,
        sagemaker_domains_in_use_stay,
        sagemaker_domains_say_whether_they_propagate_tags,
        sagemaker_domains_that_are_gone_are_not_found,
        sagemaker_lifecycle_configuration_tags,
        sagemaker_lifecycle_configuration_update,
        sagemaker_notebook_instance_types,
        sagemaker_notebook_keeps_what_it_was_given,
        sagemaker_user_profiles,
        servicediscovery_zones_end_with_their_namespace,
    ):
        completion()
