"""The app that a Shopware merchant installs."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

from webhook_app.platforms import all_platforms
from webhook_app.platforms.app_package import packed

SHOPWARE = all_platforms()["shopware"]
VALUES = {"url": "https://events.example", "shop": "acme", "secret": 'a&b<"c">'}


def archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(packed("shopware/TweakwiseEvents", VALUES)))


def manifest() -> ET.Element:
    return ET.fromstring(archive().read("TweakwiseEvents/manifest.xml"))


def test_the_zip_has_one_folder_with_the_apps_name() -> None:
    """Shopware finds an app by its manifest in a folder of the app's name, which its registration signs."""
    assert SHOPWARE.handshake
    assert {name.split("/")[0] for name in archive().namelist()} == {SHOPWARE.handshake.app_name}
    assert manifest().findtext("meta/name") == SHOPWARE.handshake.app_name
    assert f"TweakwiseEvents/{manifest().findtext('meta/icon')}" in archive().namelist()


def test_the_manifest_names_this_receiver() -> None:
    """Address, shop and secret are filled in, whatever characters the secret has, and no placeholder is left."""
    assert manifest().findtext("setup/registrationUrl") == "https://events.example/handshake/shopware/acme"
    assert manifest().findtext("setup/secret") == VALUES["secret"]
    urls = {webhook.get("url") for webhook in manifest().iter("webhook")}
    assert urls == {"https://events.example/webhooks/shopware/acme"}
    text = archive().read("TweakwiseEvents/manifest.xml").decode().partition("-->")[2]
    assert not [name for name in VALUES if f"{{{name}}}" in text]


def test_the_manifest_asks_for_every_topic() -> None:
    """Those that become events, and the one that reports that the app was removed; each name once."""
    assert SHOPWARE.handshake
    events = [webhook.get("event") for webhook in manifest().iter("webhook")]
    assert events == [*(topic.name for topic in SHOPWARE.topics if topic.subscribe), SHOPWARE.handshake.removed_topic]
    assert len({webhook.get("name") for webhook in manifest().iter("webhook")}) == len(events)


def test_the_app_may_only_read() -> None:
    """It changes nothing in the shop."""
    assert {permission.tag for permission in manifest().iterfind("permissions/*")} == {"read"}


def test_the_app_is_translated() -> None:
    """The administration shows it in three languages."""
    lang = "lang"
    for name in ("label", "description"):
        assert [each.get(lang) for each in manifest().iterfind(f"meta/{name}")] == [None, "nl-NL", "de-DE"]


def test_the_same_files_give_the_same_zip() -> None:
    """So that a version can be compared."""
    assert packed("shopware/TweakwiseEvents", VALUES) == packed("shopware/TweakwiseEvents", VALUES)
