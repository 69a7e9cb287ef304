from __future__ import annotations

import pytest

from tests.notebooks.binder import BinderImage, build


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> BinderImage:
    return build(tmp_path_factory.mktemp("binder"))
