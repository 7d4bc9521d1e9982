"""Spreads shops over several installations: a folder of shops for each, and the map by which nginx finds them.

    python deploy/spread_shops.py SHOPS FOLDER INSTALLATIONS

SHOPS has one document a shop, `<shop>.toml`, and may have `defaults.toml`. Installation n reads `FOLDER/n`, a folder of
links to these documents, as its SHOPS_FILE; `FOLDER/shops.map` is included by nginx. A shop stays where it is as long
as its link is there: what was counted of its orders is in that installation's database. A new shop goes to the
installation with the fewest. Running it again changes what is new or deleted, and nothing else.
"""  # noqa: INP001 - a program beside configuration

from __future__ import annotations

import sys
from pathlib import Path

DEFAULTS = "defaults.toml"


def spread(shops: Path, folder: Path, installations: int) -> dict[str, int]:
    """Make the folders and the map; returns the installation of each shop."""
    places = {number: folder / str(number) for number in range(1, installations + 1)}
    if any((left := folder / str(installations + 1)).glob("*.toml")):
        sys.exit(f"{left} has shops: what was counted of them is in the database of that installation.")
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    names = {file.stem for file in shops.glob("*.toml") if file.name != DEFAULTS}
    chosen = _chosen(names, places)
    for number, place in places.items():
        wanted = {f"{name}.toml" for name, its in chosen.items() if its == number}
        _link(shops, place, wanted | ({DEFAULTS} if (shops / DEFAULTS).exists() else set()))
    lines = "".join(f"{name} {number};\n" for name, number in sorted(chosen.items()))
    new = folder / "shops.map.new"
    new.write_text(lines)
    new.replace(folder / "shops.map")
    return chosen


def _chosen(names: set[str], places: dict[int, Path]) -> dict[str, int]:
    known = {file.stem: number for number, place in places.items() for file in place.glob("*.toml")}
    chosen = {name: known[name] for name in names if name in known}
    sizes = {number: list(chosen.values()).count(number) for number in places}
    for name in sorted(names - chosen.keys()):
        number = min(sizes, key=lambda one: (sizes[one], one))
        chosen[name] = number
        sizes[number] += 1
    return chosen


def _link(shops: Path, place: Path, wanted: set[str]) -> None:
    there = {file.name for file in place.glob("*.toml")}
    for name in there - wanted:
        (place / name).unlink()
    for name in wanted - there:
        (place / name).symlink_to((shops / name).resolve())


def main() -> None:
    """Read the command line; print how many shops each installation has."""
    if len(sys.argv) != 4 or not sys.argv[3].isdigit() or not int(sys.argv[3]):  # noqa: PLR2004 - three arguments
        sys.exit(__doc__)
    chosen = spread(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    for number in range(1, int(sys.argv[3]) + 1):
        print(f"{number}: {list(chosen.values()).count(number)} shops")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
