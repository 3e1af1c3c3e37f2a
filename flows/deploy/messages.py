"""Where messages go: a notification block of Prefect, whose server keeps the address encrypted."""

from __future__ import annotations

from typing import Any

from pyecod.errors import ConfigError

BLOCK_NAME = "pyecod-alerts"


def save_notification_block(url: str) -> str:
    """Keep where messages go as Prefect's block ``pyecod-alerts``, encrypted by the server.

    ``url`` is a Slack webhook, an Apprise URL (``mailtos://…``, ``json://…``), or any other http(s) address, which gets
    ``{"subject": …, "body": …}`` as JSON.

    Returns:
        The block's id.
    """
    from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook

    is_plain_web = url.startswith(("http://", "https://")) and "://hooks.slack" not in url
    block: Any
    if is_plain_web:
        block = CustomWebhookNotificationBlock(
            name="pyECOD",
            url="{{url}}",
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            secrets={"url": url},
        )
    else:
        block = SlackWebhook(url=url)
    return str(block.save(BLOCK_NAME, overwrite=True))


def find_notification_block(slug: str) -> str:
    """Id of a block document named ``type/name`` as in the UI.

    Raises:
        ConfigError: there is none.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    kind, _, name = slug.partition("/")
    with get_client(sync_client=True) as client:
        try:
            return str(client.read_block_document_by_name(name, kind, include_secrets=False).id)
        except ObjectNotFound as error:
            raise ConfigError(
                f"there is no notification block {slug!r}", hint="make it in the UI under Blocks, or use --to FILE"
            ) from error
