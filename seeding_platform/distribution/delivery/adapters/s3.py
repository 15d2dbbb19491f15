"""Objects in a bucket that an engine reads: files first, the pointer object last; the layout is that of `adapters.folder`.

Any file system of Arrow will do, which is how it is tested without a bucket. An object appears whole or not at all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.delivery.adapters.asked import Came, Holds, Trouble
from seeding_platform.distribution.delivery.adapters.folder import fenced, pointer_of, pointer_text
from seeding_platform.distribution.delivery.parcels import SIGNATURE
from seeding_platform.distribution.files import PIECE, pieces
from seeding_platform.distribution.manifest import MANIFEST
from seeding_platform.distribution.release import proof
from seeding_platform.distribution.verify import CURRENT, folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seeding_platform.distribution.delivery.parcels import Parcel
    from seeding_platform.storage.delivery.records import Endpoint

SCHEME = "s3://"


class BucketCopy:
    """Copies into buckets.

    Args:
        system: makes the file system (`pyarrow.fs.FileSystem`) that the objects lie in.
    """

    def __init__(self, system: Callable[[], Any]) -> None:
        self._system = system

    def close(self) -> None:
        """Nothing is held."""

    def prepare(self, parcel: Parcel) -> Came:
        """Write the files that are not there yet, and read them back."""
        fs, place = self._opened(parcel.endpoint)
        fenced(pointer_of(_read(fs, f"{place}/{CURRENT}")), parcel)
        target, sent = f"{place}/{folder_name(parcel.release.content_id)}", 0
        with _explained():
            fs.create_dir(target, recursive=True)
            for part in parcel.files:
                if parcel.delivery.attempts > 1 or _size(fs, f"{target}/{part.path}") != part.bytes:  # one that failed is written anew
                    with fs.open_output_stream(f"{target}/{part.path}") as out:
                        for piece in pieces(parcel.folder / part.path):
                            out.write(piece)
                    sent += part.bytes
            for name, text in ((MANIFEST, parcel.manifest_text), (SIGNATURE, json.dumps(parcel.manifest_signature))):
                with fs.open_output_stream(f"{target}/{name}") as out:
                    out.write(text.encode())
            return Came("prepared", _proof(fs, parcel, target), "full", sent)

    def activate(self, parcel: Parcel) -> Came:
        """Write the pointer object."""
        fs, place = self._opened(parcel.endpoint)
        fenced(pointer_of(_read(fs, f"{place}/{CURRENT}")), parcel)
        target = f"{place}/{folder_name(parcel.release.content_id)}"
        with _explained():
            if any(_size(fs, f"{target}/{p.path}") != p.bytes for p in parcel.files):
                raise Trouble("not-prepared", "the files are not there", answers=True)
            proved = _proof(fs, parcel, target)
            with fs.open_output_stream(f"{place}/{CURRENT}") as out:
                out.write(pointer_text(parcel))
        return Came("active", proved, "full")

    def abort(self, parcel: Parcel) -> Came:
        """Nothing is taken away: what is not named by the pointer is not in use."""
        return Came("aborted")

    def recall(self, parcel: Parcel, *, reason: str, instead: int | None) -> Came:
        """Take it away, and the pointer before it where it is in use."""
        fs, place = self._opened(parcel.endpoint)
        before, content = pointer_of(_read(fs, f"{place}/{CURRENT}")), parcel.delivery.content_id
        with _explained():
            if before is not None and before[1] == content:
                fs.delete_file(f"{place}/{CURRENT}")
            if not _missing(fs, f"{place}/{folder_name(content)}"):
                fs.delete_dir(f"{place}/{folder_name(content)}")
        return Came("recalled")

    def status(self, endpoint: Endpoint) -> Holds | None:
        """What the pointer says."""
        fs, place = self._opened(endpoint)
        found = pointer_of(_read(fs, f"{place}/{CURRENT}"))
        return Holds("none", None, None, 0) if found is None else Holds("active", found[0], found[1], 0)

    def _opened(self, endpoint: Endpoint) -> tuple[Any, str]:
        if not endpoint.target.startswith(SCHEME) or ".." in endpoint.target:
            raise Trouble("address-refused", "the address is none of the form s3://bucket/prefix", final=True)
        with _explained():
            return self._system(), f"{endpoint.target.removeprefix(SCHEME).strip('/')}/{endpoint.tenant}/{endpoint.engine}"


def s3_system(endpoint: str, *, seconds: float) -> Any:
    """The file system of S3, or of what speaks it at another address; who we are it takes from where AWS's tools look.

    Args:
        endpoint: address, such as http://127.0.0.1:9000; empty: Amazon's.
        seconds: that a call may take.
    """
    from pyarrow.fs import S3FileSystem

    scheme, _, host = endpoint.rpartition("://")
    more: dict[str, Any] = {"endpoint_override": host, "scheme": scheme or "https"} if endpoint else {}
    return S3FileSystem(connect_timeout=seconds, request_timeout=seconds, **more)


class _explained:
    """Turns what the file system says into trouble that passes; its words may name keys, so they are not repeated."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Raise trouble in place of an error of the system's."""
        if isinstance(error, OSError):
            raise Trouble("unreachable", f"the bucket did not take it ({type(error).__name__})") from error


def _read(fs: Any, path: str) -> bytes | None:
    with _explained():
        if _missing(fs, path):
            return None
        with fs.open_input_stream(path) as stream:
            return bytes(stream.read())
    raise AssertionError("unreachable")


def _missing(fs: Any, path: str) -> bool:
    from pyarrow.fs import FileType

    return bool(fs.get_file_info(path).type == FileType.NotFound)


def _size(fs: Any, path: str) -> int | None:
    found = fs.get_file_info(path)
    return None if found.size is None else int(found.size)


def _proof(fs: Any, parcel: Parcel, target: str) -> str:
    return proof(parcel.release.nonce, (_pieces(fs, f"{target}/{p.path}") for p in sorted(parcel.files, key=lambda p: p.path.encode())))


def _pieces(fs: Any, path: str) -> Iterator[bytes]:
    with fs.open_input_stream(path) as stream:
        while piece := bytes(stream.read(PIECE)):
            yield piece
