"""One try of one file: ask, go on where an earlier try ended, check, and put it in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import IO

import httpx
import orjson

from pyecod.errors import BrokenInputError
from pyecod.fetch.download import Download, Fate
from pyecod.fetch.pace import Pace, retry_after
from pyecod.fetch.verify import check_sum, offered_checksum
from pyecod.files import atomic_write, fsync_folder
from pyecod.locks import is_in_place, take_lock

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_SLOWEST = 1024  # bytes per second, over the time of the timeout
_HINTS = {
    401: "name and password belong into ~/.netrc",
    403: "the server refuses this address",
    407: "the proxy wants a password: HTTPS_PROXY",
}


class PassingError(Exception):
    """A fault that may pass; ``wait`` is what the server asked for, in seconds."""

    def __init__(
        self, what: str, *, wait: float | None = None, server: bool = False, unreachable: bool = False
    ) -> None:
        super().__init__(what)
        self.wait = wait
        self.server = server
        self.unreachable = unreachable


class FinalError(Exception):
    """A fault that another try will not mend."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(slots=True)
class _Note:
    """What an unfinished file is a part of; ``validator`` is empty where the server gives none to go on with."""

    url: str
    validator: str = ""
    modified: str = ""
    checksum: str | None = None


class Transfer:
    """Tries of one download; ``received`` counts the bytes of all of them."""

    def __init__(
        self,
        client: httpx.Client,
        download: Download,
        pace: Pace,
        timeout: float,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        self.client = client
        self.download = download
        self.pace = pace
        self.timeout = timeout
        self.on_bytes = on_bytes
        self.received = 0

    def attempt(self) -> Fate:
        """Try once; afterwards the file is there, or is known to be absent or unchanged.

        Raises:
            PassingError, FinalError: it did not work. StoppedError: the fetch is being ended.
            OSError: the disk is full or not writable.
        """
        with self._unfinished() as stream:
            try:
                fate = self._ask(stream)
            except httpx.ConnectError as error:
                raise PassingError(f"cannot connect: {error}", server=True, unreachable=True) from None
            except httpx.TimeoutException:
                raise PassingError(f"no answer for {self.timeout:g} s", server=True) from None
            except httpx.TransportError as error:
                raise PassingError(f"the connection broke: {error or type(error).__name__}", server=True) from None
            except (httpx.TooManyRedirects, httpx.InvalidURL) as error:
                raise FinalError(str(error)) from None
            if fate is Fate.FETCHED:
                self._place(stream)
            else:
                self._start_over(stream)
        return fate

    @contextmanager
    def _unfinished(self) -> Iterator[IO[bytes]]:
        """The unfinished file, for this process alone."""
        part = self.download.part
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as stream:
            try:
                take_lock(stream, patience=0)
            except BlockingIOError:
                raise PassingError("another process is fetching this file") from None
            if not is_in_place(stream, part):
                raise PassingError("another process has just fetched this file")
            try:
                yield stream
            finally:
                stream.flush()
                if os.fstat(stream.fileno()).st_size == 0:
                    self._forget()

    def _ask(self, stream: IO[bytes]) -> Fate:
        note = self._read_note()
        offset = stream.tell() if note.validator else 0
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": note.validator}
        elif self.download.refresh and self.download.path.is_file():
            headers["If-Modified-Since"] = formatdate(self.download.path.stat().st_mtime, usegmt=True)
        with self.client.stream("GET", self.download.url, headers=headers) as answer:
            if answer.status_code == 416 and answer.headers.get("content-range") == f"bytes */{offset}":
                return Fate.FETCHED  # it was all there, only not put in its place
            fate = self._judge(answer)
            if fate is not Fate.FETCHED:
                return fate
            if answer.status_code != 206:
                offset = 0
            elif not answer.headers.get("content-range", "").startswith(f"bytes {offset}-"):
                self._start_over(stream)
                raise PassingError("the server sent another part of the file than it was asked for")
            if offset == 0:
                self._start_over(stream)
                self._write_note(answer)
            self._receive(answer, stream, offset)
        return Fate.FETCHED

    def _judge(self, answer: httpx.Response) -> Fate:
        """What the status says; FETCHED means that the body is to be read."""
        status = answer.status_code
        reason = f"{status} {answer.reason_phrase}".strip()
        if self.download.url.startswith("https:") and answer.url.scheme != "https":
            raise FinalError(f"the server sends on to an address that is not https: {answer.url.host}")
        if status in (200, 206):
            encoding = answer.headers.get("content-encoding", "identity")
            if encoding != "identity" and self.download.path.suffix != ".gz":
                raise FinalError(f"the server packs the file although it was asked not to ({encoding})")
            return Fate.FETCHED
        if status == 304:
            return Fate.UNCHANGED
        if status in _GONE:
            return Fate.ABSENT
        if status == 416:
            self.download.note.unlink(missing_ok=True)
            raise PassingError(reason)
        if status in _PASSING:
            raise PassingError(reason, wait=retry_after(answer.headers.get("retry-after")), server=True)
        raise FinalError(reason, _HINTS.get(status))

    def _receive(self, answer: httpx.Response, stream: IO[bytes], offset: int) -> None:
        length = answer.headers.get("content-length", "")
        limit = self.download.max_bytes
        if limit is not None and length.isdecimal() and offset + int(length) > limit:
            self._start_over(stream)
            raise FinalError(f"the file has {offset + int(length):,} bytes, more than the {limit:,} allowed")
        size, since, seen = offset, time.monotonic(), 0
        for block in answer.iter_raw():  # unbuffered: what came before a cut is kept
            self.pace.check()
            stream.write(block)
            size, seen = size + len(block), seen + len(block)
            self.received += len(block)
            if self.on_bytes is not None:
                self.on_bytes(len(block))
            if limit is not None and size > limit:
                self._start_over(stream)
                raise FinalError(f"the file has more than the {limit:,} bytes allowed")
            elapsed = time.monotonic() - since
            if elapsed > self.timeout:
                if seen < _SLOWEST * elapsed:
                    raise PassingError(f"only {seen / elapsed:.0f} bytes per second for {elapsed:.0f} s", server=True)
                since, seen = time.monotonic(), 0

    def _place(self, stream: IO[bytes]) -> None:
        """Check the finished file and give it its name."""
        download, note = self.download, self._read_note()
        stream.flush()
        try:
            if download.check is not None:
                download.check(download.part)
            for checksum in filter(None, (download.checksum, note.checksum)):
                check_sum(download.part, checksum)
        except BrokenInputError as error:
            self._start_over(stream)
            raise PassingError(error.what) from None
        os.fsync(stream.fileno())
        moment = _seconds(note.modified)
        if moment is not None:
            os.utime(download.part, (moment, moment))
        download.part.replace(download.path)
        fsync_folder(download.path.parent)
        download.note.unlink(missing_ok=True)

    def _forget(self) -> None:
        self.download.part.unlink(missing_ok=True)
        self.download.note.unlink(missing_ok=True)

    def _start_over(self, stream: IO[bytes]) -> None:
        stream.truncate(0)
        stream.seek(0)
        self.download.note.unlink(missing_ok=True)

    def _write_note(self, answer: httpx.Response) -> None:
        tag, modified = answer.headers.get("etag", ""), answer.headers.get("last-modified", "")
        strong = tag if tag.startswith('"') else ""  # a weak tag cannot say that bytes are equal (RFC 9110, 13.1.5)
        note = _Note(
            url=self.download.url,
            validator=strong or modified,
            modified=modified,
            checksum=offered_checksum(answer.headers, whole=answer.status_code == 200),
        )
        atomic_write(self.download.note, orjson.dumps(asdict(note)), durable=False)

    def _read_note(self) -> _Note:
        try:
            note = _Note(**orjson.loads(self.download.note.read_bytes()))
        except (OSError, ValueError, TypeError):  # none, or not one of ours: begin anew
            return _Note(self.download.url)
        return note if note.url == self.download.url else _Note(self.download.url)


def _seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
