"""What an environment costs by month: from its resources, a dated price table, and assumptions about its use.

``estimate`` makes the bill of one environment, ``compare`` sets two side by side. Resources come from synthesised JSON
(``resources_of``) or from one side of a plan; ``completed`` joins the two. ``prices.toml`` is the table, ``prices``
reads it; the lines are in ``network``, ``service``, ``data``, ``endpoint`` and ``notebooks``. What costs nothing is in
``free``; what is in neither is reported, never left out. ``infracost`` has another program's figure.
"""

from cost.estimating import compare, estimate
from cost.inventory import completed, resources_of
from cost.model import Comparison, ComponentCost, Estimate, Line, Resource

__all__ = [
    "Comparison",
    "ComponentCost",
    "Estimate",
    "Line",
    "Resource",
    "compare",
    "completed",
    "estimate",
    "resources_of",
]
