"""`platforms`: what is supported."""

from __future__ import annotations

import click

from webhook_app.platforms import all_platforms


@click.command()
@click.argument("name", required=False)
def platforms(name: str | None) -> None:
    """List the supported platforms, or one platform's topics, secret and peculiarities."""
    known = all_platforms()
    if name is None:
        for platform in known.values():
            click.echo(f"{platform.name:<14} {', '.join(topic.name for topic in platform.topics if topic.subscribe)}")
        return
    if name not in known:
        raise click.BadParameter(f"no platform {name}; there are {', '.join(known)}", param_hint="NAME")
    platform = known[name]
    click.secho(platform.title, bold=True)
    for topic in platform.topics:
        click.echo(f"  {topic.name:<24} {topic.summary}{'' if topic.subscribe else ' (not subscribed to per shop)'}")
    click.echo(f"\nStored and ignored: {', '.join(platform.ignored_topics)}, and every other topic.")
    click.echo(f"\nSecret: {platform.secret_help}")
    click.echo("\nGood to know:" + "".join(f"\n  - {note}" for note in platform.notes))
