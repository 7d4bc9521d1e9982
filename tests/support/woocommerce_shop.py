"""A shop with the real WooCommerce plugin in it: PHP's built-in server, with WordPress's functions stood in for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.processes import LONGEST, free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "storefront/woocommerce/tweakwise-webhooks"
STAND_IN = ROOT / "tests/support/wordpress"
PHP = shutil.which("php")
READY = PHP and subprocess.run([PHP, "-r", "exit((int) ! extension_loaded('mbstring'));"], check=False).returncode == 0
SECRET = "0123456789abcdefABCDEF"
SALT = "a-profile-salt"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

needs_php = pytest.mark.skipif(not READY, reason="needs PHP: apt-get install php-cli php-mbstring")


class Shop:
    """The shop, as a visitor and a merchant reach it; its state lies in JSON files."""

    def __init__(self, url: str, state: Path) -> None:
        self.url, self.state = url, state

    def set(self, **options: Any) -> None:
        """Set options of the plugin as if they had been saved, or the stand-in's own (`stand_in_...`)."""
        names = {name if name.startswith("stand_in_") else f"tweakwise_webhooks_{name}": name for name in options}
        self._write("options", self.read("options") | {full: options[name] for full, name in names.items()})

    def read(self, name: str) -> dict[str, Any]:
        file = self.state / f"{name}.json"
        known: dict[str, Any] = json.loads(file.read_text()) if file.exists() and file.read_text() else {}
        return known

    def _write(self, name: str, value: Any) -> None:
        (self.state / f"{name}.json").write_text(json.dumps(value))

    def sent(self) -> list[dict[str, Any]]:
        """What the shop posted, oldest first: url, headers and body."""
        return list(self.read("sent").values())

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The storefront events that the shop posted: topic and payload."""
        topics = [(sent["headers"]["X-WC-Webhook-Topic"], sent["body"]) for sent in self.sent() if "headers" in sent]
        return [(topic, json.loads(body)) for topic, body in topics if topic.startswith("storefront.")]

    def add_webhooks(self, url: str) -> None:
        """Have the order webhooks, as the button would make them."""
        topics = enumerate(("order.created", "order.updated"), 1)
        made = {str(n): {"id": n, "topic": topic, "delivery_url": url, "secret": SECRET} for n, topic in topics}
        self._write("webhooks", made)

    def forget(self) -> None:
        """Forget everything but the options."""
        for file in self.state.iterdir():
            if file.name != "options.json":
                file.unlink()


class Visitor(requests.Session):
    """A browser without its script: it keeps cookies, and asks the endpoint as the script does."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.headers["User-Agent"] = BROWSER

    def ask(self, headers: dict[str, str] | None = None, **event: Any) -> requests.Response:
        url = f"{self.shop.url}/?wc-ajax=tweakwise_event"
        return self.post(url, json=event, headers={"Sec-Fetch-Site": "same-origin", **(headers or {})}, timeout=LONGEST)

    def submit(self, path: str, **form: Any) -> requests.Response:
        return self.post(f"{self.shop.url}{path}", data=form, timeout=LONGEST)

    def open(self, path: str) -> requests.Response:
        return self.get(f"{self.shop.url}{path}", timeout=LONGEST)

    @property
    def key(self) -> str | None:
        """The profile key in the cookie."""
        return self.cookies.get("tweakwise_profile_key")


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Run the shop until the block ends."""
    state, port = folder / "shop", free_port()
    state.mkdir()
    env = {"SHOP_STATE": str(state), "PHP_CLI_SERVER_WORKERS": "3", "PATH": "/usr/bin:/bin"}
    command = [str(PHP), "-d", "error_reporting=-1", "-d", "display_errors=1", "-S", f"127.0.0.1:{port}", "shop.php"]
    with (folder / "php.log").open("wb") as log:
        # A group of its own: PHP's workers outlive the process that started them.
        process = subprocess.Popen(command, cwd=STAND_IN, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/feed", process, folder / "php.log")
            yield Shop(f"http://127.0.0.1:{port}", state)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
    complaints = [line for line in (folder / "php.log").read_text(errors="replace").splitlines() if "] PHP " in line]
    assert not [line for line in complaints if "Development Server" not in line], complaints


def shop_of_the_receiver(folder: Path, **more: str) -> Path:
    """Write the receiver's shops document with the shop `acme`, which has the plugin's secret and salt."""
    file = folder / "shops.toml"
    keys = {"platform": "woocommerce", "instance_key": "acme0001", "profile_salt": SALT}
    lines = [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
    lines += [f'secrets = ["{SECRET}"]', *(f"{name} = {value}" for name, value in more.items())]
    file.write_text("[shops.acme]\n" + "\n".join(lines) + "\n")
    return file
