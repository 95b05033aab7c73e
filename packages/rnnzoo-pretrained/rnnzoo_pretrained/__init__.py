"""Trained models of rnnzoo: folders of data beside this file, which `rnnzoo.load` finds by their names."""
