"""The planted bugs of `tests.mutants` fit the code of today; whether tests find them is told by executing that."""

import ast

import pytest
from tests.mutants import MUTANTS, ROOT, SOURCE, Mutant, mutate


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_bugs_can_be_planted(mutant: Mutant) -> None:
    ast.parse(mutate(mutant, (SOURCE / mutant.module).read_text()))
    assert all((ROOT / path).exists() for path in mutant.tests)
