"""The committed pages are what the generator makes."""

import pytest

from shared.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name):
    assert (DOCS / name).read_text() == PAGES[name](), f"docs/{name}: python -m shared.pages"
