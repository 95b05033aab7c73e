"""The tour, docs/tour: runs what its pages show, draws their pictures, and fills in what came out."""
