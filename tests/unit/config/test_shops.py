"""The shops' document: its keys, and every fault with the line to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from schemas.events import Payment
from webhook_app.config import shop_documents, shops
from webhook_app.config.toml_lines import line_of
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from pathlib import Path

PLATFORMS = {name: all_platforms()[name] for name in ("shopify", "woocommerce")}
SECRET, SALT = "shpss_geheim", "zout"
SOUND = """\
[shops.acme]
platform = "shopify"
secrets = ["shpss_geheim"]
instance_key = "1234abcd"
"""

# The instance key is wrong, and on the sixth line, in each.
LAYOUTS = {
    "comments": """
[shops.acme] # the main one
platform = "shopify" # "a" = [b]
secrets = ["s"]
# instance_key = "1234abcd"
instance_key = "bad"
""",
    "single quotes": """
[shops.'acme']
platform = 'shopify'
secrets = ['s']

'instance_key' = 'bad'
""",
    "double quotes": """
[shops."acme"]
"platform" = "shopify"
secrets = ["s"]

"instance_key" = "bad"
""",
    "white space": """
  [ shops . acme ]
  platform="shopify"
  secrets   =   ["s"]

\tinstance_key="bad"
""",
    "dotted below shops": """
[shops]
acme.platform = "shopify"
acme.secrets = ["s"]

acme . "instance_key" = "bad"
""",
    "dotted from the top": """
shops.acme.platform = "shopify"
shops.acme.secrets = ["s"]


shops.acme.instance_key = "bad"
""",
    "inline table": """



[shops]
acme = { platform = "shopify", secrets = ["s"], instance_key = "bad" }
""",
    "list over lines": """[shops.acme]
platform = "shopify"
secrets = [
  "s",
]
instance_key = "bad"
[shops.acme.fields]
instance_key = 1
""",
    "same key in a table before": """[shops.acme.fields]
instance_key = 1
[shops.acme]
platform = "shopify"
secrets = ["s"]
instance_key = "bad"
""",
    "Windows line ends": """\r
[shops.acme]\r
platform = "shopify"\r
secrets = ["s"]\r
\r
instance_key = "bad"\r
""",
    "separators that are no line ends": """# \u2028 \u2029 \x85
[shops.acme]
platform = "shopify"
secrets = ["s"]

instance_key = "bad"
""",
}


@pytest.fixture(autouse=True)
def no_shops_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the working directory matters."""
    monkeypatch.chdir(tmp_path)
    for name in ("SHOPS", "SHOPS_FILE", "ACME_SECRET", shop_documents.DEMO):
        monkeypatch.delenv(name, raising=False)


def read(text: str) -> dict[str, shops.Shop]:
    return shops.parse(text, "shops.toml", PLATFORMS)


def acme(*lines: str) -> shops.Shop:
    return read("\n".join([SOUND, *lines]))["acme"]


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        read(text)
    return list(error.value.faults)


def loading() -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        shops.load(PLATFORMS)
    return list(error.value.faults)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("name", "acme"),
        ("platform", "shopify"),
        ("secrets", (SECRET,)),
        ("instance_key", "1234abcd"),
        ("constants", {}),
        ("constants_by_locale", {}),
        ("profile_attribute", "tweakwise_profile_key"),
        ("profile_salt", None),
        ("purchase_on", Payment.PLACED),
        ("no_purchase_statuses", frozenset()),
        ("renewals", False),
        ("test_orders", False),
        ("channels", frozenset()),
        ("revenue_currency", None),
        ("purchase_after", 0.0),
        ("require_consent", False),
        ("extra_events", False),
        ("repeat_within", 5.0),
        ("source", None),
        ("source_by_event", {}),
        ("tweakwise_url", None),
        ("max_rate", None),
    ],
)
def test_default(attribute: str, value: object) -> None:
    """Three keys make a shop; the others have defaults."""
    assert getattr(acme(), attribute) == value


def test_default_product_key() -> None:
    """A product's key is the platform's product id unless the shop configures another."""
    assert acme().product_key.text == "{product_id}"


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ('purchase_on = "paid"', "purchase_on", Payment.PAID),
        ('purchase_on = "pending"', "purchase_on", Payment.PLACED),
        ('no_purchase_statuses = ["wc-Layaway", "on_hold"]', "no_purchase_statuses", frozenset({"layaway", "on-hold"})),
        ("renewals = true", "renewals", True),
        ("test_orders = true", "test_orders", True),
        ('channels = ["pos", "b2b"]', "channels", frozenset({"pos", "b2b"})),
        ('revenue_currency = "EUR"', "revenue_currency", "EUR"),
        ('purchase_after = "14d"', "purchase_after", 14 * 86_400.0),
        ('purchase_after = "36h"', "purchase_after", 36 * 3600.0),
        ('purchase_after = "90 m"', "purchase_after", 5400.0),
        ("require_consent = true", "require_consent", True),
        ("extra_events = true", "extra_events", True),
        ("repeat_within = 0", "repeat_within", 0),
        ('source = "MyShop/1.0"', "source", "MyShop/1.0"),
        ('source_by_event = { purchase = "Orders/1.0" }', "source_by_event", {"purchase": "Orders/1.0"}),
        ('tweakwise_url = "http://127.0.0.1:9000/x"', "tweakwise_url", "http://127.0.0.1:9000/x"),
        ("max_rate = 2.5", "max_rate", 2.5),
        ('profile_attribute = "_key"', "profile_attribute", "_key"),
        (f'profile_salt = "{SALT}"', "profile_salt", SALT),
        ('fields = { store = 1, market = "nl" }', "constants", {"store": "1", "market": "nl"}),
    ],
)
def test_key_is_read(line: str, attribute: str, value: object) -> None:
    """Every key is taken as written; numbers for the template become text."""
    assert getattr(acme(line), attribute) == value


def test_several_secrets_keep_their_order() -> None:
    """The newest secret stays the first."""
    assert read(SOUND.replace('["shpss_geheim"]', '["new", "old"]'))["acme"].secrets == ("new", "old")


def test_several_shops() -> None:
    """One document holds any number of shops."""
    assert list(read(SOUND + SOUND.replace("acme", "second-shop_2"))) == ["acme", "second-shop_2"]


def test_other_tables_are_ignored() -> None:
    """What is outside of `shops` is ignored."""
    assert list(read(SOUND + "[deploy]\nregion = 1\n")) == ["acme"]


@pytest.mark.parametrize("hidden", [SECRET, SALT])
def test_repr_holds_no_secret(hidden: str) -> None:
    """A shop may be printed or logged."""
    assert hidden not in repr(acme(f'profile_salt = "{SALT}"'))


OTHERS = "Other shops send Standard Webhooks (standard): docs/standard.md"


@pytest.mark.parametrize(
    ("change", "line", "path", "sentence"),
    [
        (
            ("shopify", "magento"),
            2,
            "platform",
            f"there is no such platform; known are shopify, woocommerce. {OTHERS}",
        ),
        (
            ("shopify", "Shopify"),
            2,
            "platform",
            "there is no such platform; known are shopify, woocommerce; is shopify meant?",
        ),
        (('"shopify"', "1"), 2, "platform", 'expected text in quotes: "..."'),
        (('["shpss_geheim"]', "[]"), 3, "secrets", "is empty"),
        (('["shpss_geheim"]', '["a", ""]'), 3, "secrets.1", "is empty"),
        (('["shpss_geheim"]', "[1]"), 3, "secrets.0", 'expected text in quotes: "..."'),
        (('["shpss_geheim"]', '"a"'), 3, "secrets", 'expected a list such as ["${ACME_SECRET}"]'),
        (('["shpss_geheim"]', "1"), 3, "secrets", 'expected a list such as ["${ACME_SECRET}"]'),
        (("1234abcd", "1234"), 4, "instance_key", "expected 8 letters and digits"),
        (("1234abcd", "1234abcd5"), 4, "instance_key", "expected 8 letters and digits"),
        (("1234abcd", "1234abc\\n"), 4, "instance_key", "expected 8 letters and digits"),
        (('"1234abcd"', "12345678"), 4, "instance_key", 'expected text in quotes: "..."'),
        (('platform = "shopify"', ""), 1, "platform", "is missing: one of shopify, woocommerce"),
        (
            ("secrets = ", "#"),
            1,
            "secrets",
            'is missing: what the webhooks are signed with, such as ["${ACME_SECRET}"]',
        ),
        (
            ("instance_key = ", "#"),
            1,
            "instance_key",
            "is missing: the key of your Tweakwise instance, 8 letters and digits",
        ),
    ],
)
def test_wrong_required_key(change: tuple[str, str], line: int, path: str, sentence: str) -> None:
    """A required key that is wrong or missing is one sentence with its line, or the shop's when there is none."""
    assert faults(SOUND.replace(*change)) == [f"shops.toml:{line}: shops.acme.{path}: {sentence}"]


@pytest.mark.parametrize(
    ("added", "line", "path", "sentence"),
    [
        ("colour = 1", 5, "colour", "there is no such key"),
        ("secret = 1", 5, "secret", "there is no such key; is secrets meant?"),
        ("Product_Key = 1", 5, "Product_Key", "there is no such key; is product_key meant?"),
        ('product_key = "{nope}"', 5, "product_key", "has an unknown field {nope}; known are currency, locale"),
        ('product_key = "{product_id"', 5, "product_key", "is not a template: expected '}' before end of string"),
        ("product_key = 1", 5, "product_key", 'expected text in quotes: "..."'),
        ('purchase_on = "shipped"', 5, "purchase_on", "Must be one of: placed, paid, pending."),
        ('require_consent = "true"', 5, "require_consent", "expected true or false, without quotes"),
        ('profile_salt = ""', 5, "profile_salt", "is empty"),
        ('profile_attribute = ""', 5, "profile_attribute", "is empty"),
        ('source = "my shop"', 5, "source", "expected the TWN-Source label: 1 to 100 visible ASCII characters"),
        ('source = "a\\nX-Other: b"', 5, "source", "expected the TWN-Source label: 1 to 100 visible ASCII characters"),
        ('source_by_event = "x"', 5, "source_by_event", "expected a table"),
        ('[shops.acme.source_by_event]\nsearch = "x y"', 6, "source_by_event.search", "expected the TWN-Source label"),
        ('[shops.acme.source_by_event]\nclick = "x"', 6, "source_by_event.click", "is no event: search, pageview, "),
        ("max_rate = 0", 5, "max_rate", "expected calls a second, from 0.01 to 1000000"),
        (
            'purchase_after = "31d"',
            5,
            "purchase_after",
            "longer than 30d: Tweakwise takes no date, and would count the purchase as made when it is sent",
        ),
        ("purchase_after = 14", 5, "purchase_after", 'expected a duration such as "14d", "36h" or "90m"'),
        ('tweakwise_url = "tweakwise.com"', 5, "tweakwise_url", "expected an address such as https://"),
        ("fields = 1", 5, "fields", "expected a table such as store = 1"),
        ("fields_by_locale = 1", 5, "fields_by_locale", "expected a table"),
        ("\n[shops.acme.fields]\na = 1\nb = 1.5", 8, "fields.b", "expected text or a whole number"),
        ("\n[shops.acme.fields]\na = 1\nb = true", 8, "fields.b", "expected text or a whole number"),
        ("\n[shops.acme.fields]\na = 1\nsku = 1", 8, "fields.sku", "is set by the platform and cannot be overridden"),
        ("fields.a = []", 5, "fields.a", "expected text or a whole number"),
        ('[shops.acme.fields_by_locale."nl-NL"]\na = 1\nb = 1.5', 7, "fields_by_locale.nl-NL.b", "expected text"),
        ("[shops.acme.fields_by_locale.nl]\nproduct_id = 1", 6, "fields_by_locale.nl.product_id", "is set by"),
        ("[shops.acme.fields_by_locale]\nnl = 1", 6, "fields_by_locale.nl", "expected a table such as store = 1"),
    ],
)
def test_wrong_optional_key(added: str, line: int, path: str, sentence: str) -> None:
    """Every other key that is wrong is one sentence with its line, in nested tables too."""
    (fault,) = faults(f"{SOUND}{added}\n")
    assert fault.startswith(f"shops.toml:{line}: shops.acme.{path}: {sentence}")


def test_all_faults_together() -> None:
    """All faults of all shops are reported together."""
    second = '\n[shops.b]\nplatform = "x"\nsecrets = ["${NO_SUCH_VARIABLE}"]\ncolour = 1\n'
    found = [re.sub(r"^shops.toml:(\d+): (\S+):.*", r"\1 \2", fault) for fault in faults(SOUND + "a = 1\n" + second)]
    assert sorted(found) == [
        "10 shops.b.colour",
        "5 shops.acme.a",
        "7 shops.b.instance_key",
        "8 shops.b.platform",
        "9 shops.b.secrets",
    ]


@pytest.mark.parametrize("name", ["Acme", "a b", "a.b", "-a", "_a", "é", "", "a" * 64, "a/b"])
def test_shops_name_is_part_of_a_url(name: str) -> None:
    """A name that would have to be encoded in the URL is a fault."""
    (fault,) = faults(SOUND.replace("acme", f'"{name}"'))
    assert "a shop's name is part of its URL: use a-z, 0-9, - and _" in fault


@pytest.mark.parametrize("name", ["a", "0", "acme-nl", "acme_nl", "a" * 63])
def test_sound_name(name: str) -> None:
    """Small letters, digits, - and _ make a name."""
    assert list(read(SOUND.replace("acme", name))) == [name]


def test_shop_is_a_table() -> None:
    """A shop that is a plain value is reported with an example."""
    assert faults("[shops]\nacme = 1\n") == ["shops.toml:2: shops.acme: expected a table: [shops.<name>]"]


@pytest.mark.parametrize("text", ["", "[shops]", "shops = 1", "shops = []", "[[shops]]\nname = 1", "[shop.acme]\n"])
def test_no_shop(text: str) -> None:
    """A document without a shop is a fault with an example."""
    assert faults(text) == ["shops.toml: no shop is configured; write one as [shops.<name>], see docs/configuration.md"]


@pytest.mark.parametrize(
    "text", ["shops", "[shops.acme", SOUND + SOUND, "a = ", "a = " + "1" * 5000, "a = " + "[" * 9999]
)
def test_no_toml(text: str) -> None:
    """What is no TOML is one sentence, never another exception."""
    (fault,) = faults(text)
    assert fault.startswith("shops.toml: not valid TOML: ")


def test_no_toml_names_the_line() -> None:
    """The fault of invalid TOML has its place."""
    assert "line 6" in faults(SOUND + "a = 1\nb = nothing\n")[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_line_however_it_is_written(layout: str) -> None:
    """The line is found in every way to write a table."""
    assert faults(LAYOUTS[layout]) == ["shops.toml:6: shops.acme.instance_key: expected 8 letters and digits"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["acme"], 2),
        (["acme", "a"], 3),
        (["acme", "missing"], 2),
        (["acme", "fields"], 4),
        (["acme", "fields", "b"], 5),
        (["acme", "fields_by_locale", "nl-NL", "c"], 7),
        (["other"], 1),
    ],
)
def test_line_of(path: list[str], line: int) -> None:
    """The line of a value is its own, or that of the table it belongs to, or the first."""
    text = '# shops\n[shops.acme]\na = 1\n[shops.acme.fields]\nb = 1\n[shops.acme.fields_by_locale."nl-NL"]\nc = 1\n'
    assert line_of(text, path) == line


def test_reference_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """${NAME} is replaced by that variable's value."""
    monkeypatch.setenv("ACME_SECRET", "from-outside")
    assert read(SOUND.replace(SECRET, "${ACME_SECRET}"))["acme"].secrets == ("from-outside",)


def test_reference_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that looks like a reference is that secret."""
    monkeypatch.setenv("ACME_SECRET", "${OTHER}")
    assert read(SOUND.replace(SECRET, "${ACME_SECRET}"))["acme"].secrets == ("${OTHER}",)


def test_reference_in_a_nested_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template's constant may come from the environment too."""
    monkeypatch.setenv("ACME_SECRET", "12")
    assert acme('fields.store = "${ACME_SECRET}"').constants == {"store": "12"}


@pytest.mark.parametrize("value", [None, ""], ids=["not set", "empty"])
def test_missing_variable(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """A variable that is not there, or empty, is named with the line that asks for it."""
    if value is not None:
        monkeypatch.setenv("ACME_SECRET", value)
    sentence = "shops.toml:3: shops.acme.secrets: the environment variable ACME_SECRET is not set"
    assert faults(SOUND.replace(SECRET, "${ACME_SECRET}")) == [sentence]


@pytest.mark.parametrize(
    "reference",
    ["a${ACME_SECRET}", "${ACME_SECRET}b", "${ACME_SECRET}${ACME_SECRET}", "${ACME-SECRET}", "${}", "${1}", "${A"],
)
def test_partial_reference(monkeypatch: pytest.MonkeyPatch, reference: str) -> None:
    """A reference is the whole value, so that no secret is built from parts."""
    monkeypatch.setenv("ACME_SECRET", "x")
    sentence = "shops.toml:3: shops.acme.secrets: write a reference to the environment as the whole value: ${NAME}"
    assert faults(SOUND.replace(SECRET, reference)) == [sentence]


@pytest.mark.parametrize("secret", ["$ACME_SECRET", "a$b", "$$", "{ACME_SECRET}", "$(x)"])
def test_other_dollars_are_text(secret: str) -> None:
    """Only ${ starts a reference."""
    assert read(SOUND.replace(SECRET, secret))["acme"].secrets == (secret,)


def test_fault_does_not_reveal_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came from the environment does not come out with a fault."""
    monkeypatch.setenv("ACME_SECRET", "geheim!")
    reported = " ".join(faults(SOUND.replace("1234abcd", "${ACME_SECRET}") + 'source = "${ACME_SECRET}\\n"\n'))
    assert "geheim" not in reported.replace(SECRET, "")


@pytest.mark.parametrize(
    ("locale", "constants"),
    [
        ("nl-NL", {"store": "3", "market": "eu"}),
        ("nl-BE", {"store": "2", "market": "eu"}),
        ("nl", {"store": "2", "market": "eu"}),
        ("de-DE", {"store": "1", "market": "eu"}),
        ("n", {"store": "1", "market": "eu"}),
        ("", {"store": "1", "market": "eu"}),
    ],
    ids=["exact", "language", "language alone", "other", "part of one", "unknown"],
)
def test_constants_for_a_locale(locale: str, constants: dict[str, str]) -> None:
    """The order's own locale goes before its language, and both before what holds everywhere."""
    by_locale = 'fields_by_locale = { nl = { store = 2 }, "nl-NL" = { store = 3 } }'
    assert acme('fields = { store = 1, market = "eu" }', by_locale).constants_for(locale) == constants


@pytest.mark.parametrize("constants", ["fields.store = 1", "fields_by_locale.nl.store = 1"])
def test_template_may_name_constants(constants: str) -> None:
    """A template knows the shop's own fields, also those of one locale only."""
    assert acme('product_key = "{store}-{sku}"', constants).product_key.fields == {"store", "sku"}


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ('"acme.myshopify.com"', ("acme.myshopify.com",)),
        ('"https://www.Acme.example/"', ("acme.example",)),
        ('["acme.example", "http://ACME.example", "acme.example/nl/"]', ("acme.example", "acme.example/nl")),
        ('"m\u00fcller.example"', ("xn--mller-kva.example",)),
        ('"localhost:8080"', ("localhost:8080",)),
    ],
)
def test_domain(written: str, domain: tuple[str, ...]) -> None:
    """It is one address or a list of them, each in normal form."""
    assert acme(f"domain = {written}").domain == domain


@pytest.mark.parametrize(
    "written", ['""', "[]", "7", '["acme.example", 7]', '"a b"', '"https://"', "{}", '[""]', '"*"']
)
def test_wrong_domain(written: str) -> None:
    """Anything else is a fault on its line."""
    [fault] = faults(f"{SOUND}domain = {written}\n")
    assert re.match(r"shops.toml:5: shops.acme.domain: expected the shop's address, such as", fault)


def test_domain_of_a_platform_without_addresses() -> None:
    """A platform that names no address cannot be pinned to one."""
    text = (
        SOUND.replace("shopify", "standard").replace("shpss_geheim", f"whsec_{'a' * 32}") + 'domain = "acme.example"\n'
    )
    with pytest.raises(ConfigurationError, match="Standard Webhooks names no address: remove this line"):
        shops.parse(text, "shops.toml", all_platforms())


@pytest.mark.parametrize(
    ("address", "accepted"),
    [("acme.example", True), ("https://www.ACME.example/", True), ("", True), ("b.example", False), ("/", False)],
)
def test_addresses_that_are_accepted(address: str, accepted: bool) -> None:
    """A pinned shop accepts its own address in any form and senders that name none; another one accepts all."""
    assert acme('domain = "acme.example"').accepts(address) is accepted
    assert acme().accepts(address)


@pytest.mark.parametrize("renamed", ["locale", "currency"])
def test_order_fields_may_be_renamed(renamed: str) -> None:
    """Feeds that write nl where the platform sends nl-NL set it per locale."""
    assert acme(f'fields_by_locale = {{ nl = {{ {renamed} = "x" }} }}').constants_for("nl") == {renamed: "x"}


def test_loads_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """SHOPS holds the document itself."""
    monkeypatch.setenv("SHOPS", SOUND)
    assert list(shops.load(PLATFORMS)) == ["acme"]


def test_variable_is_named_in_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in SHOPS counts its lines from there."""
    monkeypatch.setenv("SHOPS", SOUND.replace("shopify", "x"))
    assert loading()[0].startswith("SHOPS:2: shops.acme.platform: ")


@pytest.mark.parametrize("variable", [None, "", "shops.toml"])
def test_loads_from_the_default_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str | None) -> None:
    """Without SHOPS the file shops.toml is read."""
    (tmp_path / "shops.toml").write_text(SOUND)
    if variable is not None:
        monkeypatch.setenv("SHOPS_FILE", variable)
    assert list(shops.load(PLATFORMS)) == ["acme"]


def test_loads_from_a_named_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SHOPS_FILE names another file."""
    (tmp_path / "other.toml").write_text(SOUND)
    monkeypatch.setenv("SHOPS_FILE", str(tmp_path / "other.toml"))
    assert list(shops.load(PLATFORMS)) == ["acme"]


def test_both_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """SHOPS and SHOPS_FILE together leave open which one counts."""
    monkeypatch.setenv("SHOPS", SOUND)
    monkeypatch.setenv("SHOPS_FILE", "shops.toml")
    assert loading() == ["SHOPS, SHOPS_FILE: both are set; keep one of them"]


def test_neither_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a document the sentence names both ways to give one."""
    monkeypatch.chdir(tmp_path)
    assert loading() == ["SHOPS_FILE: there is no shops.toml; write it (see docs/configuration.md) or set SHOPS"]
    (tmp_path / "shops.toml").symlink_to("config/shops.toml")  # as in the container
    assert loading()[0].startswith("SHOPS_FILE: there is no config/shops.toml, to which shops.toml leads; write it ")


def test_file_that_is_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that cannot be read is a sentence, also one of a folder."""
    monkeypatch.setenv("SHOPS_FILE", str(tmp_path))
    (tmp_path / "a.toml").mkdir()
    assert loading() == [f"SHOPS_FILE: {tmp_path}/a.toml cannot be read: Is a directory"]


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a sentence."""
    (tmp_path / "shops.toml").write_bytes(b"\xff\xfe\x00")
    assert loading() == ["SHOPS_FILE: shops.toml cannot be read: it is not UTF-8"]


WITH_API = """
[shops.acme]
platform = "{platform}"
secrets = ["a-secret"]
instance_key = "1234abcd"

[shops.acme.api]
{api}
"""


@pytest.mark.parametrize(
    ("platform", "api"),
    [
        ("woocommerce", 'url = "https://acme.example/"\nkey = "k"\nsecret = "s"'),
        ("shopify", 'url = "https://acme.myshopify.com"\nclient_id = "c"'),
        ("shopify", 'url = "https://acme.myshopify.com"\nclient_id = "c"\nclient_secret = "s"'),
        ("shopify", 'url = "https://acme.myshopify.com"\ntoken = "t"\nrepair_webhooks = true'),
    ],
)
def test_an_api_is_read(platform: str, api: str) -> None:
    """Each platform has its own credentials, none of which is shown."""
    shop = shops.parse(WITH_API.format(platform=platform, api=api), "shops.toml", all_platforms())["acme"]
    assert shop.api
    assert not shop.api.url.endswith("/")
    assert "'k'" not in repr(shop) + repr(shop.api)


@pytest.mark.parametrize(
    ("platform", "api", "fault"),
    [
        ("woocommerce", 'url = "https://acme.example"\nkey = "k"', "shops.toml:7: shops.acme.api: WooCommerce needs"),
        ("woocommerce", 'url = "https://acme.example"\ntoken = "t"', "needs url and key and secret, and nothing else"),
        ("standard", 'url = "https://acme.example"\ntoken = "t"', "remove this table"),
        ("shopify", 'url = "https://a.example"\nclient_id = "c"\ntoken = "t"', "url and client_id, or url and token"),
        (
            "woocommerce",
            'url = "acme"\nkey = "k"\nsecret = "s"',
            "shops.toml:8: shops.acme.api.url: expected",
        ),
        (
            "woocommerce",
            'url = "https://a.example"\nkey = " "\nsecret = "s"',
            "shops.acme.api.key: is empty",
        ),
        ("woocommerce", 'url = "https://a.example"\nkeys = "k"\nsecret = "s"', "shops.toml:9: shops.acme.api.keys"),
    ],
)
def test_an_api_that_is_wrong_is_named_with_its_line(platform: str, api: str, fault: str) -> None:
    """Missing, foreign and odd credentials."""
    with pytest.raises(ConfigurationError) as wrong:
        shops.parse(WITH_API.format(platform=platform, api=api), "shops.toml", all_platforms())
    assert fault in str(wrong.value)
