"""The laws that every recurrent cell has to obey, for anyone's cell.

::

    from rnnzoo.testing import check_cell

    def test_my_cell():
        check_cell(MyCellConfig())     # or a cell, a StackConfig, or a cell's name

Language models, translators, truncated back-propagation, decoding and export take these laws for granted; a
cell that passes them works in all of these. They are tried in float64, where a difference is an error and
not rounding, and in float32, where other kernels run.
"""

from rnnzoo.testing.case import TOLERANCES, Case, make_case
from rnnzoo.testing.check import LawError, check_cell, check_law
from rnnzoo.testing.laws import LAWS, Law
from rnnzoo.testing.results import Broken

__all__ = ["LAWS", "TOLERANCES", "Broken", "Case", "Law", "LawError", "check_cell", "check_law", "make_case"]
