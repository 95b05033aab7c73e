"""Trained models as folders: saving, finding, loading, measuring.

The names are imported when they are first used: what lists models and recipes needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnzoo.lazy import lazily

__all__ = [
    "Calibration",
    "Published",
    "RenamedWarning",
    "calibrate",
    "check_pinned",
    "cold_windows",
    "create_model",
    "download",
    "entry_names",
    "find_model",
    "find_recipe",
    "list_models",
    "load",
    "load_folder",
    "make_entry",
    "measure",
    "model_facts",
    "overlay_names",
    "packaged",
    "parse_yaml",
    "push_all",
    "push_to_hub",
    "read_config",
    "read_manifest",
    "read_metrics",
    "read_recipe",
    "recipe_name",
    "recipe_names",
    "save_folder",
    "verify",
]

_HOME = {
    **dict.fromkeys(("Calibration", "calibrate"), "calibration"),
    **dict.fromkeys(("RenamedWarning", "download", "entry_names", "find_model"), "finding"),
    **dict.fromkeys(("check_pinned", "read_manifest"), "manifest"),
    **dict.fromkeys(("cold_windows", "measure"), "measuring"),
    **dict.fromkeys(("Published", "push_to_hub"), "push"),
    **dict.fromkeys(("find_recipe", "overlay_names", "read_recipe", "recipe_name", "recipe_names"), "recipes"),
    **dict.fromkeys(("list_models", "model_facts"), "registry"),
    **dict.fromkeys(("load_folder", "save_folder"), "folder"),
    **dict.fromkeys(("read_config", "read_metrics"), "records"),
    "create_model": "create",
    "load": "loading",
    "make_entry": "entry",
    "packaged": "paths",
    "parse_yaml": "yaml_text",
    "push_all": "publish",
    "verify": "verifying",
}
"""The module of each."""

if TYPE_CHECKING:
    from rnnzoo.zoo.calibration import Calibration, calibrate
    from rnnzoo.zoo.create import create_model
    from rnnzoo.zoo.entry import make_entry
    from rnnzoo.zoo.finding import RenamedWarning, download, entry_names, find_model
    from rnnzoo.zoo.folder import load_folder, save_folder
    from rnnzoo.zoo.loading import load
    from rnnzoo.zoo.manifest import check_pinned, read_manifest
    from rnnzoo.zoo.measuring import cold_windows, measure
    from rnnzoo.zoo.paths import packaged
    from rnnzoo.zoo.publish import push_all
    from rnnzoo.zoo.push import Published, push_to_hub
    from rnnzoo.zoo.recipes import find_recipe, overlay_names, read_recipe, recipe_name, recipe_names
    from rnnzoo.zoo.records import read_config, read_metrics
    from rnnzoo.zoo.registry import list_models, model_facts
    from rnnzoo.zoo.verifying import verify
    from rnnzoo.zoo.yaml_text import parse_yaml
else:
    __getattr__ = lazily(__name__, _HOME)
