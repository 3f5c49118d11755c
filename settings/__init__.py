"""The typed settings of one environment, read from ``environments/<name>.tfvars``.

Closed (unknown keys are refused), frozen, and strict: text is never taken for a number. What AWS would refuse at apply
is refused here, all mistakes of a file at once.

``values`` and ``groups`` say what may be set, ``tfvars`` parses a file, ``reading`` joins the two, ``mistakes`` words
what is wrong, ``table`` documents the keys; ``fields`` describes them for both.
"""

from settings.groups import Access as Access
from settings.groups import ApiSettings as ApiSettings
from settings.groups import ArtifactSettings as ArtifactSettings
from settings.groups import BasicAccess as BasicAccess
from settings.groups import DatabaseSettings as DatabaseSettings
from settings.groups import ExistingNetwork as ExistingNetwork
from settings.groups import ImageSettings as ImageSettings
from settings.groups import LogSettings as LogSettings
from settings.groups import NetworkSettings as NetworkSettings
from settings.groups import NotebookSettings as NotebookSettings
from settings.groups import SecretSettings as SecretSettings
from settings.groups import ServiceSettings as ServiceSettings
from settings.groups import Settings as Settings
from settings.groups import StateSettings as StateSettings
from settings.reading import ENVIRONMENTS as ENVIRONMENTS
from settings.reading import environment_names as environment_names
from settings.reading import load as load
from settings.reading import load_selected as load_selected
from settings.table import markdown_table as markdown_table
