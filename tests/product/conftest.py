"""A started product for tests that need the whole of it."""

from collections.abc import Iterator

import pytest

from tests.product.instance import Product, start


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One instance for the tests that leave it as healthy as they found it."""
    started = start(tmp_path_factory.mktemp("shared") / "data")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.stop()
