"""Debian's Chromium, driven by selenium."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


class Browser:
    """A window of Chromium."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def set(self, width: int, height: int, scheme: str = "light") -> None:
        """Give the window a size, and the user a preference for light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def open(self, url: str) -> None:
        """Load a page."""
        self.driver.get(url)

    def allow_scripts(self, are_allowed: bool) -> None:
        """Let pages run their own scripts, or not, as some users choose. `run` works all the same."""
        self.driver.execute_cdp_cmd(
            "Emulation.setScriptExecutionDisabled", {"value": not are_allowed}
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, as the tools for developers do, and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script: str) -> Any:
        """Run a script whose last argument is a function, and return what it calls that with."""
        return self.driver.execute_async_script(script)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector: str) -> list[Any]:
        """The elements of a CSS selector."""
        return list(self.driver.find_elements("css selector", selector))

    def press(self, key: str) -> None:
        """Press a key, by its name or the character that it is."""
        from selenium.webdriver.common.keys import Keys

        self.type(key if len(key) == 1 else getattr(Keys, key))

    def type(self, text: str) -> None:
        """Press one key after the other, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(text).perform()

    def allow_clipboard(self, origin: str) -> None:
        """Let the pages of an origin read and write the clipboard, as their users would."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self.driver.execute_cdp_cmd(
            "Browser.grantPermissions", {"origin": origin, "permissions": permissions}
        )

    def picture(self, file: Path, height: int | None = None) -> None:
        """Write a picture of the window, or of so much of the page."""
        options: dict[str, Any] = {"format": "png"}
        if height is not None:
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            clip = {**size, "height": min(size["height"], height), "scale": 1}
            options |= {"captureBeyondViewport": True, "clip": clip}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        file.write_bytes(base64.b64decode(taken["data"]))

    @property
    def complaints(self) -> list[str]:
        """The browser's console messages since the last call."""
        driver: Any = self.driver
        return [each["message"] for each in driver.get_log("browser")]


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium without a screen, and with nothing that it asks the network for by itself."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-dev-shm-usage",
        "disable-sync",
        "hide-scrollbars",
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path="/usr/bin/chromedriver")
    )
    try:
        yield Browser(driver)
    finally:
        driver.quit()
