"""A real browser, where there is one: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AXE = Path(
    os.environ.get("HER2CDS_AXE", Path(__file__).parents[2] / "build" / "node_modules" / "axe-core" / "axe.min.js")
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright import sync_api as playwright
    except ImportError:
        pytest.skip("the browser tests need playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("the browser tests need chromium")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, the accessibility checker."""
    if not AXE.exists():
        pytest.skip("the accessibility audit needs axe-core: make test-tools")
    return AXE.read_text(encoding="utf-8")
