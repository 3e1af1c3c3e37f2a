"""``pyecod alerts``: what is worth attention now, and how messages about it reach a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyecod.watch.findings import Alert

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command()
def show(
    batch: Annotated[str | None, typer.Argument(help="name or folder of one batch", show_default=False)] = None,
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the findings of one batch, or of everything; nothing is sent.

    The exit code is 1 when there are findings.
    """
    from pyecod.batch import locate_batch
    from pyecod.watch.findings import batch_alerts, house_alerts
    from pyecod.watch.snapshot import look

    settings = settings_from(settings_file, profile, base_path=base_path)
    if batch is None:
        alerts = house_alerts(settings)
    else:
        alerts = batch_alerts(look(locate_batch(batch, settings.base_path)), settings.alerts)
    if as_json:
        print_json(alerts)
    else:
        _print(alerts)
    if alerts:
        raise typer.Exit(1)


@app.command()
def apply(
    to: Annotated[
        Path | None,
        typer.Option(
            help="file with the address messages go to, - for standard input: a Slack webhook, an Apprise URL "
            "(mailtos://user:password@host?to=…), or any http(s) address that takes JSON",
            show_default=False,
            metavar="FILE",
        ),
    ] = None,
    block: Annotated[
        str | None, typer.Option(help="instead: a notification block of the Prefect server, TYPE/NAME")
    ] = None,
) -> None:
    """Create the automations of deployments/automations.yaml on the Prefect server, or bring them up to date.

    The address is a secret: it comes from a file, never from an option, and is kept by the Prefect server as the
    block pyecod-alerts.
    """
    from pyecod.cli.launch import load_flow
    from pyecod.errors import UsageError

    if (to is None) is (block is None):
        raise UsageError("say where messages go", hint="--to FILE with the address, or --block TYPE/NAME")
    if to is not None:
        url = _address(to)
        _require_server()
        block_id = load_flow("flows.deploy.messages:save_notification_block")(url)
    else:
        _require_server()
        block_id = load_flow("flows.deploy.messages:find_notification_block")(block)
    for name, done in load_flow("flows.deploy.automations:apply_automations")(block_id):
        console().print(f"{done}  {name}")
    messages().print("`pyecod alerts test` sends a message to try it", style="dim")


@app.command()
def test() -> None:
    """Make the Prefect server send one message, as an alert would."""
    from datetime import UTC, datetime

    from pyecod.cli.launch import load_flow
    from pyecod.watch.findings import Alert

    _require_server()
    subject = f"a test at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    alert = Alert("test", "warning", subject, "this message was asked for with `pyecod alerts test`")
    load_flow("flows.batch.announce:announce_at_once")([alert])
    console().print("sent to the Prefect server; the message follows within seconds")


def _print(alerts: Sequence[Alert]) -> None:
    if not alerts:
        messages().print("nothing is worth attention")
    for alert in alerts:
        colour = "red" if alert.severity == "critical" else "yellow"
        words = f"  {alert.kind:<16}  {alert.subject}: {alert.text}"
        console().print(line((f"{alert.severity:<8}", colour), words), soft_wrap=True)


def _address(path: Path) -> str:
    from pyecod.errors import ConfigError

    try:
        text = sys.stdin.read() if str(path) == "-" else path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the address cannot be read: {error}", where=path) from None
    url = text.strip()
    if "://" not in url or any(letter.isspace() for letter in url):
        raise ConfigError("this is not one address (https://…, mailtos://…)", where=path)  # which stays unsaid
    return url


def _require_server() -> None:
    from pyecod.cli.launch import load_flow

    load_flow("flows.deploy.server:require_server")()
