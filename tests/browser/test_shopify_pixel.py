"""What a Shopify shop installs: what its scripts do, and that its parts fit one another and the receiver."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from webhook_app.platforms import all_platforms

SHOPIFY = Path(__file__).parents[2] / "storefront/shopify"
PIXEL = (SHOPIFY / "pixel.js").read_text(encoding="utf-8")
BLOCK = (SHOPIFY / "extensions/profile-key/blocks/profile-key.liquid").read_text(encoding="utf-8")
SCRIPT = (SHOPIFY / "extensions/profile-key/assets/profile-key.js").read_text(encoding="utf-8")
APP = tomllib.loads((SHOPIFY / "shopify.app.toml").read_text(encoding="utf-8"))
SETTINGS = json.loads(BLOCK.split("{% schema %}")[1].split("{% endschema %}")[0])["settings"]
DEFAULTS = {setting["id"]: setting["default"] for setting in SETTINGS}
TYPES = SHOPIFY / "node_modules/@shopify/web-pixels-extension"

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and TYPES.exists()), reason="needs node, and `npm ci` in storefront/shopify"
)


def node(*command: str) -> None:
    done = subprocess.run(command, cwd=SHOPIFY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
def test_types() -> None:
    """Pixel and app embed keep to the types that Shopify publishes of its pixel API."""
    node("node_modules/.bin/tsc", "--project", ".")


@needs_node
def test_doings() -> None:
    """The pixel reports what it should, when it may."""
    node("node", "--test", "test/pixel.test.mjs")


def constant(name: str) -> str:
    found = re.search(rf"const {name} = (.+?);", PIXEL)
    assert found
    return found[1].strip("'")


def test_pixel_and_app_embed_agree() -> None:
    """Pasted and switched on as they are, they use the same cookie, path and consent, and the proxy has that path."""
    assert (constant("COOKIE"), constant("PATH")) == (DEFAULTS["cookie"], DEFAULTS["path"])
    assert (constant("NEEDS_CONSENT"), DEFAULTS["consent"]) == ("true", True)
    assert DEFAULTS["path"] == f"/{APP['app_proxy']['prefix']}/{APP['app_proxy']['subpath']}"


def test_app_embed_hands_its_script_what_it_reads() -> None:
    """Every option that the script reads is in the block, and no other; each setting is used."""
    read = set(re.findall(r"(\w+) = ''", SCRIPT.split("script.dataset")[0] + SCRIPT.split("script.dataset")[1]))
    assert read == set(re.findall(r"data-(\w+)=", BLOCK))
    assert set(re.findall(r"block\.settings\.(\w+)", BLOCK)) == set(DEFAULTS)


def test_app_subscribes_to_what_is_read() -> None:
    """The app's webhooks are the topics to subscribe to and the duties, all to one shop's URL."""
    orders, duties = APP["webhooks"]["subscriptions"]
    topics = [topic for topic in all_platforms()["shopify"].topics if not topic.storefront]
    assert orders["topics"] == [topic.name for topic in topics if topic.subscribe]
    assert duties["compliance_topics"] == [topic.name for topic in topics if not topic.subscribe]
    base = orders["uri"].removesuffix("/webhooks/shopify/acme")
    assert duties["uri"] == orders["uri"]
    assert APP["app_proxy"]["url"] == f"{base}/storefront/shopify/acme"


def test_pixel_reports_events_that_are_read() -> None:
    """Each word that the pixel puts behind the path is a topic of the platform."""
    reported = set(re.findall(r"location\.origin, '(\w+)'", PIXEL))
    assert {f"storefront/{action}" for action in reported} == {
        topic.name for topic in all_platforms()["shopify"].topics if topic.storefront
    }
