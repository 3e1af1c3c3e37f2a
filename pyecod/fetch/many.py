"""Many files: side by side, at one pace, each tried until it is there or cannot be had."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from netrc import NetrcParseError
from pathlib import Path

import httpx

from pyecod import __version__
from pyecod.errors import BrokenInputError, FetchError
from pyecod.fetch.download import Download, Fate, Fetched
from pyecod.fetch.pace import Pace, backoff
from pyecod.fetch.transfer import FinalError, PassingError, Transfer
from pyecod.fetch.verify import check_sum
from pyecod.settings.fetch import FetchSettings

_PROGRESS = 1 << 20  # a try that brought so much was no failure
_SERVER_FAULTS = 3  # files in a row that fail by the server's fault, after which it is left alone


def fetch_files(
    downloads: Sequence[Download],
    settings: FetchSettings,
    *,
    keep_going: bool = False,
    on_bytes: Callable[[int], None] | None = None,
    on_file: Callable[[Fetched], None] | None = None,
) -> list[Fetched]:
    """Fetch files; what became of each, in their order. A file that is absent on the server is no error here.

    A file that is there and passes its checks is kept without a request. An unfinished one is gone on with where the
    server allows. With ``keep_going`` a file that fails does not stop the others; a server that cannot be reached, or
    fails for several files in a row, stops them always. ``on_bytes`` is called from several threads.

    Raises:
        FetchError: a file cannot be fetched; its URL, the reason and the number of tries are named.
        OSError: the disk is full or not writable.
    """
    pace = Pace(settings.per_second)
    ends: dict[Download, Fetched] = {}
    with _client(settings) as client, ThreadPoolExecutor(settings.connections, "fetch") as pool:
        futures = [pool.submit(_fetch, client, download, settings, pace, on_bytes) for download in downloads]
        try:
            faults = 0
            for end in _completed(futures):
                ends[end.download] = end
                faults = faults + 1 if end.is_server_fault else 0
                if on_file is not None:
                    on_file(end)
                if end.error is not None and (not keep_going or end.is_unreachable or faults >= _SERVER_FAULTS):
                    raise end.error
        finally:
            pace.stop()
            pool.shutdown(wait=False, cancel_futures=True)
    return [ends[download] for download in downloads]


def _completed(futures: Sequence[Future[Fetched]]) -> Iterator[Fetched]:
    return (future.result() for future in as_completed(futures))


def _fetch(
    client: httpx.Client,
    download: Download,
    settings: FetchSettings,
    pace: Pace,
    on_bytes: Callable[[int], None] | None,
) -> Fetched:
    transfer = Transfer(client, download, pace, settings.timeout, on_bytes)
    failures = 0
    while True:
        if not download.refresh and is_whole(download):
            return Fetched(download, Fate.KEPT)
        pace.wait()
        before = transfer.received
        try:
            return Fetched(download, transfer.attempt(), transfer.received)
        except FinalError as error:
            return _failed(transfer, str(error), error.hint)
        except PassingError as error:
            failures = 1 if transfer.received - before >= _PROGRESS else failures + 1
            if failures > settings.retries or (error.wait or 0) > settings.longest_wait:
                return _given_up(transfer, error, failures, settings)
            if error.wait is not None:
                pace.hold(error.wait)
            else:
                pace.sleep(backoff(failures, settings.retry_delay, settings.longest_wait))


def is_whole(download: Download) -> bool:
    """The file is there and passes its checks."""
    if not download.path.is_file():
        return False
    try:
        if download.check is not None:
            download.check(download.path)
        if download.checksum is not None:
            check_sum(download.path, download.checksum)
    except BrokenInputError:
        return False
    return True


def _given_up(transfer: Transfer, error: PassingError, tries: int, settings: FetchSettings) -> Fetched:
    if (error.wait or 0) > settings.longest_wait:
        hint = f"the server asks to come back in {error.wait:.0f} s, fetch.longest_wait is {settings.longest_wait:g}"
    else:
        hint = f"{tries} tries" if tries > 1 else "fetch.retries is 0"
    if error.unreachable:
        hint += "; check the network, HTTPS_PROXY, and the address in the settings (fetch)"
    return _failed(transfer, str(error), hint, server=error.server, unreachable=error.unreachable)


def _failed(
    transfer: Transfer, what: str, hint: str | None, *, server: bool = False, unreachable: bool = False
) -> Fetched:
    error = FetchError(what, where=transfer.download.url, hint=hint)
    return Fetched(transfer.download, Fate.FAILED, transfer.received, error, server, unreachable)


@contextmanager
def _client(settings: FetchSettings) -> Iterator[httpx.Client]:
    try:
        auth = httpx.NetRCAuth(os.environ.get("NETRC")) if _has_netrc() else None
    except (NetrcParseError, OSError) as error:
        raise FetchError(f"cannot read ~/.netrc: {error}") from None
    with httpx.Client(
        auth=auth,
        timeout=httpx.Timeout(settings.timeout, connect=min(settings.timeout, 30.0), pool=None),
        limits=httpx.Limits(max_connections=settings.connections),
        follow_redirects=True,
        max_redirects=5,
        headers={"User-Agent": f"pyecod/{__version__}"},
    ) as client:
        yield client


def _has_netrc() -> bool:
    return "NETRC" in os.environ or (Path.home() / ".netrc").is_file()
