"""Product feeds as https://docs.tweakwise.com/docs/generate-an-xml-feed describes them, of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<tweakwise>
  <categories>
    <category><categoryid>1</categoryid><name>root</name><rank>0</rank></category>
    <category><categoryid>234</categoryid><name><![CDATA[Clothing & more]]></name><rank>1</rank>
      <parents><categoryid>1</categoryid></parents></category>
  </categories>
  <items>
"""
ITEM = """    <item>
      <id>{id}</id>
      <name><![CDATA[Größe <M> & L]]></name>
      <price>24.99</price>
      <stock>10</stock>
      <brand>Tweakwise &amp; Co</brand>
      <attributes>
        <attribute><name>id</name><value>7</value></attribute>
        <attribute><name>description</name><value>{text}</value></attribute>
      </attributes>
      <categories><categoryid>234</categoryid></categories>
    </item>
"""
TAIL = "  </items>\n</tweakwise>\n"


def parts(ids: Iterable[object], text: str = "A shirt.") -> Iterator[bytes]:
    """Yield a feed piece by piece."""
    yield HEAD.encode()
    for one in ids:
        yield ITEM.format(id=one, text=text).encode()
    yield TAIL.encode()


def feed(ids: Iterable[object]) -> bytes:
    return b"".join(parts(ids))
