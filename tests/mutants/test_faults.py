"""Every fault of `make mutants` still fits the code: it stands there once, and the result is Python."""

import ast
from pathlib import Path

import pytest

from tests.mutants.fault import ROOT, Fault, load

pytestmark = pytest.mark.slow


def test_each_fault_fits_the_code_and_names_tests() -> None:
    faults = load()
    assert len(faults) >= 50
    for fault in faults:
        ast.parse(fault.planted((ROOT / fault.file).read_text()), fault.file)
        assert fault.tests
        for test in fault.tests:
            assert Path(ROOT / test.partition("::")[0]).exists(), f"{fault.what}: there is no {test}"


def test_a_fault_that_no_longer_fits_is_told() -> None:
    fault = Fault("a.py", "adds", "one + two", "one - two", ("tests",))
    assert fault.planted("x = one + two") == "x = one - two"
    for source in ("x = two + one", "x = one + two + one + two"):
        with pytest.raises(ValueError, match=r"a\.py holds \d times"):
            fault.planted(source)
