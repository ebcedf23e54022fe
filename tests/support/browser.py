"""A real browser without network, for tests of the page.

Chromium is the one on the PATH; where there is none, tests are skipped with the reason, and in CI
they fail.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.page_logic import unavailable

__all__ = ["OpenPage", "launch", "open_page"]

_REST_MS = 400
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@contextmanager
def launch() -> Iterator[Browser]:
    """Start the browser and end it."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        unavailable("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        # The sandbox needs rights that containers seldom give; the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class OpenPage:
    """A page with what it complained of and what it asked the network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        """Return what an element shows, blanks collapsed."""
        return " ".join(self.page.inner_text(selector).split())

    def texts(self, selector: str) -> list[str]:
        """Return what each matching element shows."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_inner_texts()]

    def settle(self) -> None:
        """Wait until what was changed is shown: the page draws before the next frame."""
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => setTimeout(r)))")

    def eventually(self, expression: str, expected: object) -> Any:
        """Evaluate until the value is as expected or 100 frames are over; return the last."""
        for _ in range(100):
            value = self.page.evaluate(expression)
            if value == expected:
                break
            self.settle()
        return value

    def set_limit(self, metric: str, text: str) -> None:
        """Type a bound."""
        self.page.fill(f"#limit-{metric}", text)
        self.page.press(f"#limit-{metric}", "Enter")
        self.settle()

    def fragment(self) -> str:
        """Return what stands behind the # of the address, which is written once the view rests."""
        self.page.wait_for_timeout(_REST_MS)
        return str(self.page.evaluate("location.hash.slice(1)"))

    def note_message(self, message: ConsoleMessage) -> None:
        """Keep what the console says: warnings, errors, violations of the policy."""
        self.complaints.append(f"{message.type}: {message.text}")

    def note_request(self, request: Request) -> None:
        """Keep what is asked for."""
        self.requests.append(request.url)


@contextmanager
def open_page(
    browser: Browser, path: Path, fragment: str = "", **context: Any
) -> Iterator[OpenPage]:
    """Open a file as a reader does, offline; the test fails on any complaint."""
    with browser.new_context(offline=True, **context) as made:
        opened = OpenPage(made.new_page())
        opened.page.on("console", opened.note_message)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        opened.page.on("request", opened.note_request)
        opened.page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))
        opened.settle()
        yield opened
        assert opened.complaints == []
        assert [url.split("#")[0] for url in opened.requests] == [path.as_uri()]
