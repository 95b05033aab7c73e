"""A net's step as a graph for other programs: onnx writes what trace made."""
