"""The `kubernetes` plugin of the local cloud: manifests as files, one folder per cluster, as the real plugin's
`renderYamlToDirectory` writes them.

`manifests` knows files and names, `differences` what a change needs, `plugin` speaks with the engine.
"""

import os
from pathlib import Path

from localcloud.provider.clients import JOURNAL_VARIABLE
from localcloud.provider.journal import Journal
from localcloud.provider.kubernetes.plugin import RENDER_VARIABLE, Renderer

__all__ = ["RENDER_VARIABLE", "Renderer", "provider"]


def provider() -> Renderer:
    """The provider with the environment's journal and folder."""
    journal, folder = os.environ.get(JOURNAL_VARIABLE), os.environ.get(RENDER_VARIABLE)
    return Renderer(Journal(Path(journal) if journal else None), Path(folder) if folder else None)
