"""The page of a report in a real browser, without a window: Debian's chromium, driven by selenium."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from tests.ui.reported import HARM, agent, film, picture

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra [dev]")
NEEDED = ("chromium", "chromedriver")
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio")
PATIENCE_S = 60
PHONE_PX = 360
MOST_LIGHT = 40
"""of 255, in each colour of a dark background"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a run with a video and pictures of all sizes, and that of three that are compared."""
    root = tmp_path_factory.mktemp("reports")
    run = agent(root / "runs", n_steps=16, parent=HARM, command=["python", "-m", "sandbox", "x" * 200])
    film(run)
    for name, size in (
        ("plots/wide.png", (1600, 300)),
        ("samples/small.png", (20, 20)),
        ("plots/a.png", (500, 400)),
    ):
        picture(run, name, size)
    for seed in (1, 2):
        agent(root / "runs", f"seed-{seed}", seed=seed)
    found = {}
    for name, words in (("one", ["one"]), ("several", ["one", "seed-1", "seed-2"])):
        found[name] = root / f"{name}.html"
        options = ["--out", str(root / "runs"), "--html", str(found[name]), "--as-is", "--quiet"]
        assert main(["report", *words, *options]) == 0
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(PATIENCE_S)
    yield driver
    driver.quit()


def look(browser: Any, page: Path, *, width: int = 1100, dark: bool = False, media: str = "") -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE_PX}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(page.as_uri())


@pytest.mark.parametrize("name", ["one", "several"])
def test_it_opens_without_complaint_and_without_a_network(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    look(browser, pages[name])
    assert browser.get_log("browser") == []
    told = [entry["message"] for entry in browser.get_log("performance")]
    asked = [text for text in told if "Network.requestWillBeSent" in text]
    assert asked
    assert not [text for text in asked if '"url":"file:' not in text and '"url":"data:' not in text]
    assert browser.execute_script("return document.scripts.length") == 0


@pytest.mark.parametrize("name", ["one", "several"])
def test_every_picture_is_there_and_has_words(browser: Any, pages: dict[str, Path], name: str) -> None:
    look(browser, pages[name])
    images = browser.execute_script(
        "return [...document.images].map(i => [i.alt, i.complete, i.naturalWidth])"
    )
    assert len(images) == 4  # three pictures, and the video's for paper
    assert all(alt and complete and width > 0 for alt, complete, width in images)
    drawn = "document.querySelectorAll('svg:not([aria-hidden])')"
    drawings = browser.execute_script(f"return [...{drawn}].map(s => s.getAttribute('aria-label'))")
    assert len(drawings) >= 2
    assert all(drawings)


def test_the_video_plays(browser: Any, pages: dict[str, Path]) -> None:
    look(browser, pages["one"])
    played = browser.execute_async_script("""
        const [done] = arguments, video = document.querySelector('video');
        video.addEventListener('error', () => done({error: video.error.message}));
        video.addEventListener('timeupdate', () => {
            if (video.currentTime > 0.1) done({time: video.currentTime, ready: video.readyState});
        });
        video.play().catch(error => done({error: String(error)}));
    """)
    assert "error" not in played
    assert played["time"] > 0.1
    assert played["ready"] >= 2


@pytest.mark.parametrize("name", ["one", "several"])
def test_nothing_is_wider_than_a_phone(browser: Any, pages: dict[str, Path], name: str) -> None:
    look(browser, pages[name], width=PHONE_PX)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE_PX


def test_it_is_dark_where_people_want_that(browser: Any, pages: dict[str, Path]) -> None:
    def colour(what: str, of: str) -> list[int]:
        script = f"return getComputedStyle(document.querySelector('{what}')).{of}"
        return [int(part) for part in browser.execute_script(script).strip("rgba()").split(",")[:3]]

    look(browser, pages["one"])
    light = colour("body", "backgroundColor"), colour("polyline", "stroke")
    look(browser, pages["one"], dark=True)
    dark = colour("body", "backgroundColor"), colour("polyline", "stroke")
    assert max(dark[0]) < MOST_LIGHT < 255 - MOST_LIGHT < min(light[0])
    assert light[1] != dark[1]  # curves, too
    look(browser, pages["one"], dark=True, media="print")
    assert min(colour("body", "backgroundColor")) > 255 - MOST_LIGHT


def test_it_can_be_printed(browser: Any, pages: dict[str, Path]) -> None:
    look(browser, pages["one"], media="print")
    shown = "return getComputedStyle(document.querySelector('{}')).display"
    assert browser.execute_script(shown.format("video")) == "none"
    assert browser.execute_script(shown.format("img.paper")) == "block"
    config = "return document.querySelector('details pre').getBoundingClientRect().height"
    assert browser.execute_script(config) > 0  # folded on screen, open on paper
    paper = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(paper["data"]).startswith(b"%PDF-")
