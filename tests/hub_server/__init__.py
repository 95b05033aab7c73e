"""A hub on this machine, as `huggingface_hub` 2.4 and `datasets` 5.2 speak to one; and as bad as the network can be.

What it knows: repositories of models and datasets with commits, branches and tags; who may read and write; files in git
and files in large storage, which lie, as on the real one, behind a redirect to another origin that gets no token. A
commit is a complete set of files under a hash; nothing in it ever changes. What it does wrong is set per test, in
`Hub`'s last attributes.

Endpoints: repos/create, validate-yaml, preupload, LFS batch, PUT and verify, commit (ndjson), model info by revision,
tree by folder and page, paths-info, refs, branch, tag; HEAD and GET of resolve, with ranges.
"""

from __future__ import annotations

from hub_server.server import Hub, running_hub
from hub_server.store import PAGE, Repo

__all__ = ["PAGE", "Hub", "Repo", "running_hub"]
