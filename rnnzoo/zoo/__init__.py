"""Trained models as folders: saving, finding, loading, measuring."""

from rnnzoo.zoo.calibration import Calibration, calibrate
from rnnzoo.zoo.entry import make_entry
from rnnzoo.zoo.folder import load_folder, read_config, read_metrics, save_folder
from rnnzoo.zoo.load import RenamedWarning, download, entry_names, find_model, load
from rnnzoo.zoo.manifest import check_pinned, read_manifest
from rnnzoo.zoo.measure import cold_windows, measure
from rnnzoo.zoo.paths import packaged
from rnnzoo.zoo.publish import push_all
from rnnzoo.zoo.push import Published, push_to_hub
from rnnzoo.zoo.recipes import find_recipe, overlay_names, parse_yaml, read_recipe, recipe_name, recipe_names
from rnnzoo.zoo.registry import list_models, model_facts
from rnnzoo.zoo.verify import verify

__all__ = [
    "Calibration",
    "Published",
    "RenamedWarning",
    "calibrate",
    "check_pinned",
    "cold_windows",
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
