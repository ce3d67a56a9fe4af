"""A person at a browser who is sent to log in, chooses whom the app is about, and allows it."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx

from tests.fakes.smart import PASSWORD


def approved(url: str, back: str, username: str, person: str) -> str:
    """Where the person's browser is sent back to: the app's address `back`, with the code in it."""
    with httpx.Client(follow_redirects=True) as browser:
        page = submitted(browser, browser.get(url), {"username": username, "password": PASSWORD})
        browser.follow_redirects = False
        page = submitted(browser, page, {"patient": person, "decision": "allow"})
    assert page.is_redirect, page.text
    assert page.headers["location"].startswith(f"{back}?code="), page.headers["location"]
    return page.headers["location"]


def submitted(browser: httpx.Client, page: httpx.Response, given: dict[str, str]) -> httpx.Response:
    """The answer to a page's first form, sent with its hidden fields and what the person typed."""
    assert page.status_code == 200, page.text
    form = Form()
    form.feed(page.text)
    return browser.post(page.url.join(form.action), data={**form.hidden, **given})


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.hidden = "", dict[str, str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes where the form goes, and its hidden fields."""
        named = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = named["action"]
        if tag == "input" and named.get("type") == "hidden":
            self.hidden[named["name"]] = named["value"]
