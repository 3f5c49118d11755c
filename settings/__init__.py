"""The typed settings of one environment, read from ``environments/<name>.tfvars``.

Closed (unknown keys are refused), frozen, and strict: text is never taken for a number. What AWS would refuse at apply
is refused here, all mistakes of a file at once.

``environment`` and the groups in it (``access``, ``endpoint``, ``network``, ``groups``, ``usage``) say what may be
set, and ``values`` and its siblings what a single value may be. ``tfvars`` parses a file, ``reading`` joins the two,
``mistakes`` words what is wrong, ``table`` documents the keys; ``fields`` describes them for both.
"""

from settings.access import AccessSettings as AccessSettings
from settings.access import CognitoSettings as CognitoSettings
from settings.continuous_integration import CiSettings as CiSettings
from settings.endpoint import ApiSettings as ApiSettings
from settings.endpoint import DomainSettings as DomainSettings
from settings.endpoint import LoadBalancerSettings as LoadBalancerSettings
from settings.endpoint import RouteSettings as RouteSettings
from settings.endpoint import WafSettings as WafSettings
from settings.environment import Settings as Settings
from settings.groups import ArtifactSettings as ArtifactSettings
from settings.groups import DatabaseSettings as DatabaseSettings
from settings.groups import ImageSettings as ImageSettings
from settings.groups import LogSettings as LogSettings
from settings.groups import NotebookSettings as NotebookSettings
from settings.groups import SecretSettings as SecretSettings
from settings.groups import ServiceSettings as ServiceSettings
from settings.groups import StateSettings as StateSettings
from settings.groups import StudioSettings as StudioSettings
from settings.network import ExistingNetwork as ExistingNetwork
from settings.network import NetworkSettings as NetworkSettings
from settings.reading import ENVIRONMENTS as ENVIRONMENTS
from settings.reading import environment_names as environment_names
from settings.reading import load as load
from settings.reading import load_selected as load_selected
from settings.table import markdown_table as markdown_table
from settings.usage import UsageSettings as UsageSettings
