"""`rnnzoo serve`: exported models over HTTP. Needs the extra ``serve``; PyTorch is not loaded.

On Starlette and uvicorn rather than LitServe: LitServe keeps a model in worker processes of their own, each behind a
queue, so that a session's state, which has to be at hand for the next request, whichever endpoint gets it, would have
to be sent to and fro; and its batches begin and end together, while texts that are written here join and leave a batch
at every stretch.
"""

from rnnzoo.serve.app import Limits, make_app

__all__ = ["Limits", "make_app"]
