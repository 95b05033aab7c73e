"""Texts that would be scripts, or turn a page around, where somebody took them for markup."""

from __future__ import annotations

SCRIPT = "</script><script>globalThis.owned = 1</script>"
IMAGE = '<img src=x onerror="globalThis.owned = 2">'
TEXTS = [
    SCRIPT,
    IMAGE,
    "\"'`${globalThis.owned=3}",
    "\u2028\u2029",
    "\u202e\u200f\u2066abc",
    "&lt;b&gt;",
    "]]>",
    "<!--",
]
NAME = "<script>globalThis.owned = 5<|script> \u202e'\"".replace("|", "\u2215")
"""A folder's: a name cannot have a slash."""
