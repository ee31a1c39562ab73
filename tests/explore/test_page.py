"""The page in a browser, served as a user serves it; and what its server tells strangers."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.explore.small import small_file

ROOT = Path(__file__).parents[2]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
PATIENCE = 240  # seconds, on a machine that is busy
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --window-size=1300,1400"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page on a small random generator, in a process of its own."""
    folder = tmp_path_factory.mktemp("page")
    places = ["--port", "0", "--threads", "1", "--store", folder / "store", "--out", folder / "out"]
    options = ["metric.id=none", "metric.lpips=none", f"generator.path='{small_file(folder)}'"]
    command = [sys.executable, "scripts/explore.py", *map(str, places), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def page(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page in a browser, once it is ready."""
    if BROWSER is None or DRIVER is None:
        pytest.skip("no Chromium with its chromedriver on this machine")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        browser.get(address)
        ready(browser)
        yield browser
    finally:
        browser.quit()


def until(browser: Any, condition: Callable[[Any], Any]) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, PATIENCE, poll_frequency=0.1).until(condition)


def get(browser: Any, name: str, what: str = "textContent") -> str:
    script = "return document.getElementById(arguments[0])[arguments[1]]"
    return str(browser.execute_script(script, name, what))


def ready(browser: Any) -> None:
    until(browser, lambda _: get(browser, "status") == "Ready")


def put(browser: Any, name: str, value: str) -> None:
    """A value, as a hand sets it."""
    script = (
        "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
        "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind))"
    )
    browser.execute_script(script, name, value)


def click(browser: Any, name: str) -> None:
    browser.execute_script("document.getElementById(arguments[0]).click()", name)


def find(browser: Any, options: str = "method.num_directions=2") -> None:
    put(browser, "method", "method:sefa")
    put(browser, "options", options)
    click(browser, "find")
    ready(browser)


def test_ctrl_c_ends_it_in_a_word(tmp_path: Path) -> None:
    places = ["--port", "0", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "scripts/explore.py", *places]
    code = (  # a process in the background is begun deaf to SIGINT
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("http://127.0.0.1:")
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=PATIENCE)
    assert server.returncode == 0
    assert told.strip().splitlines()[-1] == "stopped" and "Traceback" not in told


def test_it_opens_with_pictures_and_fetches_nothing_from_elsewhere(page: Any, address: str) -> None:
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    fetched = page.execute_script(script)
    assert fetched and all(url.startswith((address, "data:")) for url in fetched)
    assert len(page.find_elements("css selector", "#pictures img")) == 12
    assert get(page, "error") == ""


def test_a_direction_is_found_and_dragged(page: Any) -> None:
    if page.find_element("id", "reads").is_selected():
        click(page, "reads")
    find(page)
    until(page, lambda _: get(page, "edited", "src").startswith("data:image/png"))
    assert len(page.find_elements("css selector", "#directions tbody tr")) == 2
    before = get(page, "edited", "src")
    put(page, "strength", "-2")
    until(page, lambda _: get(page, "edited", "src") != before)
    assert get(page, "strength-told") == "−2"
    put(page, "strength", "0")
    until(page, lambda _: get(page, "edited", "src") == get(page, "original", "src"))
    assert float(get(page, "inside")) == 0


def test_a_box_that_is_drawn_becomes_the_region(page: Any) -> None:
    from selenium.webdriver import ActionChains

    canvas = page.find_element("id", "canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    stroke = ActionChains(page).move_to_element_with_offset(canvas, -60, -60).click_and_hold()
    stroke.move_by_offset(40, 30).move_by_offset(40, 50).release().perform()
    until(page, lambda _: get(page, "region", "value") == "drawn")
    ready(page)
    command = get(page, "command")
    assert "region=box" in command and "region.centre=[" in command


def test_mistakes_are_told_in_one_line(page: Any) -> None:
    find(page, "method.nonsense=1")
    assert "method.nonsense" in get(page, "error")
    put(page, "name", "No name")
    page.execute_script("document.getElementById('naming').requestSubmit()")
    until(page, lambda _: "is no name for an edit" in get(page, "error"))


def test_numbers_come_with_n(page: Any) -> None:
    put(page, "count", "32")
    click(page, "measure")
    ready(page)
    assert "MSE in" in get(page, "measured") and "[" in get(page, "measured")
    cells = page.find_elements("css selector", "#measured tbody tr:first-child td:last-child")
    assert cells[0].get_attribute("textContent") == "32"


def test_strangers_get_nothing(address: str) -> None:
    plain = requests.post(f"{address}/api/choices", data="{}", timeout=PATIENCE)
    assert plain.status_code == 415
    other = requests.get(address, headers={"Host": "elsewhere.example"}, timeout=PATIENCE)
    assert other.status_code == 400
    own = requests.get(address, timeout=PATIENCE)
    assert "default-src 'none'" in own.headers["Content-Security-Policy"]
    assert requests.get(f"{address}/api/../session.py", timeout=PATIENCE).status_code == 404
