"""Trained models as folders: saving, finding, loading, measuring."""

from rnnzoo.zoo.folder import load_folder, read_config, read_metrics, save_folder
from rnnzoo.zoo.load import entry_names, find_model, load
from rnnzoo.zoo.measure import cold_windows, measure
from rnnzoo.zoo.paths import packaged
from rnnzoo.zoo.recipes import find_recipe, parse_yaml, read_recipe, recipe_names

__all__ = [
    "cold_windows",
    "entry_names",
    "find_model",
    "find_recipe",
    "load",
    "load_folder",
    "measure",
    "packaged",
    "parse_yaml",
    "read_config",
    "read_metrics",
    "read_recipe",
    "recipe_names",
    "save_folder",
]
