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
# Without a file of translations, though it is empty, Shopify's CLI writes errors while it builds.
EMBED = ("assets/profile-key.js", "blocks/profile-key.liquid", "locales/en.default.json", "shopify.extension.toml")
APP = tomllib.loads((SHOPIFY / "shopify.app.toml").read_text(encoding="utf-8"))
SETTINGS = json.loads(BLOCK.split("{% schema %}")[1].split("{% endschema %}")[0])["settings"]
DEFAULTS = {setting["id"]: setting["default"] for setting in SETTINGS}
CHECKS = Path(__file__).parent / "shopify"
TYPES = CHECKS / "node_modules/@shopify/web-pixels-extension"

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and TYPES.exists()), reason="needs node, and `npm ci` in tests/browser/shopify"
)


def node(*command: str) -> None:
    done = subprocess.run(command, cwd=CHECKS, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
def test_types() -> None:
    """Pixel and app embed keep to the types that Shopify publishes of its pixel API."""
    node("node_modules/.bin/tsc", "--project", ".")


@needs_node
def test_doings() -> None:
    """The pixel reports what it should, when it may."""
    node("node", "--test", "pixel.test.mjs")


def test_app_embed_and_proxy_agree() -> None:
    """Switched on as it is, the app embed asks on the path that the proxy has; consent is asked for."""
    assert DEFAULTS["path"] == f"/{APP['app_proxy']['prefix']}/{APP['app_proxy']['subpath']}"
    assert DEFAULTS["consent"] is True
    assert [DEFAULTS[name] for name in ("carts", "sessions")] == [False, False]


def test_pixel_has_no_settings() -> None:
    """The app embed's settings stand once: the pixel reads them from its cookie; a refusal goes the usual way."""
    assert f"'{DEFAULTS['cookie']}'" not in PIXEL
    assert PIXEL.count(DEFAULTS["path"]) == PIXEL.count(f"USUAL_PATH = '{DEFAULTS['path']}'") == 1
    [shared] = set(re.findall(r"const SETTINGS = '(\w+)'", SCRIPT))
    assert [shared] == re.findall(r"const SETTINGS = '(\w+)'", PIXEL)
    assert re.findall(r"const KEY = (\S+);", PIXEL) == re.findall(r"const KEY = (\S+);", SCRIPT)


def test_what_a_merchant_copies() -> None:
    """Only what a shop installs is there: no tests, no packages, nothing that checks it."""
    files = [path.relative_to(SHOPIFY).as_posix() for path in SHOPIFY.rglob("*") if path.is_file()]
    files = [name for name in files if not name.startswith("node_modules/")]
    embed = [f"extensions/profile-key/{name}" for name in EMBED]
    assert sorted(files) == sorted(["pixel.js", "shopify.app.toml", *embed])


def test_app_embed_hands_its_script_what_it_reads() -> None:
    """Every option that the script reads is in the block, and no other; each setting is used."""
    read = set(re.findall(r"\w+", re.sub(r" = [^,}]+", "", SCRIPT.split("} = element?.dataset")[0].rpartition("{")[2])))
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


def test_events_that_are_reported_are_read() -> None:
    """Each word that pixel and app embed put behind the path is a topic of the platform."""
    reported = set(re.findall(r"location\.origin, '(\w+)'", PIXEL)) | set(
        re.findall(r"report(?:Product)?\('(\w+)'", SCRIPT)
    )
    assert len(reported) == 5
    assert {f"storefront/{action}" for action in reported} <= {
        topic.name for topic in all_platforms()["shopify"].topics if topic.storefront
    }
