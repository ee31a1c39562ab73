"""Files arrive whole and verified, whatever servers do; what does not is told in one line."""

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.weights.checksums import RECORD
from pipeline.weights.download import MIRROR, fetch
from pipeline.weights.file import WeightsFile
from pipeline.weights.partial import Partial
from pipeline.weights.registry import REGISTRY
from pipeline.weights.transfer import BLOCK, Transfer
from tests.weights.server import Site, serving

CONTENT = bytes(range(256)) * 1200  # 307 200 bytes
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FAST = Transfer(pause=0.0, timeout=(10.0, 10.0))
ASK = b"""<html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="/download" method="get"><input type="submit" value="yes"/>
<input type="hidden" name="id" value="key"><input type="hidden" name="confirm" value="t"></form>
</body></html>"""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Site({"/a.pth": CONTENT, "/b.pth": CONTENT})) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder; the download makes it."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def register(site: Site, monkeypatch: pytest.MonkeyPatch) -> "Register":
    return Register(site, monkeypatch)


class Register:
    """Puts a file into the registry as ``some``."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.monkeypatch = site, monkeypatch

    def __call__(
        self,
        *paths: str,
        sha256: str | None = DIGEST,
        size: int | None = len(CONTENT),
        member: str | None = None,
    ) -> None:
        entry = WeightsFile(
            what="some network",
            file="some.pth",
            addresses=tuple(self.site.address + path for path in paths),
            bytes=size,
            sha256=sha256,
            licence="free",
            citation="Nobody 2020",
            member=member,
        )
        self.monkeypatch.setitem(REGISTRY, "some", entry)


def fetched(folder: Path) -> bytes:
    """The content that arrives; nothing may lie beside it but the record."""
    path = fetch("some", transfer=FAST).path
    assert path == folder / "some.pth"
    assert {p.name for p in folder.iterdir()} <= {"some.pth", RECORD}
    return path.read_bytes()


def refused(folder: Path) -> str:
    """The line that a failure ends in; nothing that looks like the file may be left."""
    with pytest.raises(UserError) as error:
        fetch("some", transfer=FAST)
    assert not (folder / "some.pth").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def archive(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name.replace("__", "/"), content)
    return data.getvalue()


def test_a_file_arrives_once(site: Site, folder: Path, register: Register) -> None:
    register("/a.pth")
    assert fetched(folder) == CONTENT
    assert fetched(folder) == CONTENT
    assert site.asked == [("/a.pth", None)]


def test_progress_is_reported(folder: Path, register: Register) -> None:
    register("/a.pth")
    seen: list[tuple[int, int | None]] = []
    fetch("some", transfer=Transfer(lambda done, total: seen.append((done, total))))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_cut_connection_is_resumed(site: Site, folder: Path, register: Register) -> None:
    register("/a.pth")
    site.cuts += [2 * BLOCK + 5, BLOCK + 7]
    assert fetched(folder) == CONTENT
    assert site.asked == [
        ("/a.pth", None),
        ("/a.pth", f"bytes={2 * BLOCK}-"),
        ("/a.pth", f"bytes={3 * BLOCK}-"),
    ]


def test_a_killed_fetch_goes_on(site: Site, folder: Path, register: Register) -> None:
    register("/a.pth")
    site.cuts += [100_000]
    site.statuses += [200, 500, 500, 500]
    assert "HTTP 500" in refused(folder)
    assert fetched(folder) == CONTENT
    assert site.asked[-1] == ("/a.pth", f"bytes={BLOCK}-")


def test_a_server_without_ranges_sends_the_whole_again(
    site: Site, folder: Path, register: Register
) -> None:
    register("/a.pth")
    site.ranges = False
    site.cuts += [100_000]
    assert fetched(folder) == CONTENT


def test_what_is_whole_already_is_not_asked_for(
    site: Site, folder: Path, register: Register
) -> None:
    register("/a.pth", size=None)
    site.cuts += [BLOCK + 1]
    site.statuses += [200, 500, 500, 500]
    refused(folder)
    (part,) = folder.iterdir()
    part.write_bytes(CONTENT)  # killed between the last byte and the renaming
    assert fetched(folder) == CONTENT
    assert site.asked[-1] == ("/a.pth", f"bytes={len(CONTENT)}-")


def test_a_partial_file_that_is_too_long_starts_over(
    site: Site, folder: Path, register: Register
) -> None:
    register("/a.pth", size=None)
    site.cuts += [BLOCK + 1]
    site.statuses += [200, 500, 500, 500]
    refused(folder)
    (part,) = folder.iterdir()
    part.write_bytes(CONTENT + b"more")
    assert fetched(folder) == CONTENT


def test_a_passing_failure_is_tried_again(site: Site, folder: Path, register: Register) -> None:
    register("/a.pth")
    site.statuses += [503, 429]
    assert fetched(folder) == CONTENT


def test_the_next_address_is_tried(site: Site, folder: Path, register: Register) -> None:
    register("/gone.pth", "/b.pth")
    assert fetched(folder) == CONTENT
    assert [path for path, _ in site.asked] == ["/gone.pth", "/b.pth"]


def test_every_failure_is_told(site: Site, folder: Path, register: Register) -> None:
    register("/gone.pth", "/lost.pth")
    line = refused(folder)
    for part in ("/gone.pth: HTTP 404", "/lost.pth: HTTP 404", str(folder / "some.pth"), MIRROR):
        assert part in line
    assert list(folder.iterdir()) == []


def test_no_network_is_told(site: Site, folder: Path, register: Register) -> None:
    register("/a.pth")
    site.address = "http://127.0.0.1:9"  # nobody listens at the port of "discard"
    register("/a.pth")
    assert "the connection failed" in refused(folder)


def test_another_file_is_refused(folder: Path, register: Register) -> None:
    register("/a.pth", sha256="0" * 64)
    assert f"has the sha256 {DIGEST}, not {'0' * 64}" in refused(folder)
    assert list(folder.iterdir()) == []


def test_a_file_of_another_length_is_refused_unfetched(
    site: Site, folder: Path, register: Register
) -> None:
    register("/a.pth", size=12)
    assert f"the file there has {len(CONTENT)} bytes, not 12" in refused(folder)


def test_an_answer_whose_end_cannot_be_seen_is_refused(
    site: Site, folder: Path, register: Register
) -> None:
    site.sized = False
    register("/a.pth", size=None, sha256=None)
    assert "does not say how long" in refused(folder)
    register("/a.pth")
    assert fetched(folder) == CONTENT


def test_a_page_is_refused(site: Site, folder: Path, register: Register) -> None:
    site.files["/a.pth"] = b"<!DOCTYPE html><title>Quota\n exceeded</title>" + CONTENT
    register("/a.pth", size=None, sha256=None)
    assert "a web page ('Quota exceeded') came instead of the file" in refused(folder)
    assert list(folder.iterdir()) == []


def test_a_page_sent_as_a_file_is_refused(site: Site, folder: Path, register: Register) -> None:
    site.files["/a.pth"] = b"\n <html>Please log in</html>"
    register("/a.pth", size=None, sha256=None)
    assert "a web page came instead of the file" in refused(folder)


def test_the_question_of_google_drive_is_answered(
    site: Site, folder: Path, register: Register
) -> None:
    site.files |= {"/uc?id=key": ASK, "/download?id=key&confirm=t": CONTENT}
    site.cuts += [len(ASK), 100_000]
    register("/uc?id=key")
    assert fetched(folder) == CONTENT
    assert site.asked[-1] == ("/download?id=key&confirm=t", f"bytes={BLOCK}-")


def test_a_mirror_takes_the_place_of_all_addresses(
    site: Site, folder: Path, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/mirror/some.pth"] = CONTENT
    register("/a.zip", member="inner.pth")  # the mirror has what is in the archive
    monkeypatch.setenv(MIRROR, f"{site.address}/mirror/")
    assert fetched(folder) == CONTENT
    assert [path for path, _ in site.asked] == ["/mirror/some.pth"]


def test_a_mirror_must_be_an_address(
    folder: Path, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("/a.pth")
    monkeypatch.setenv(MIRROR, "/some/folder")
    assert f"{MIRROR}=/some/folder" in refused(folder)


def test_a_member_of_an_archive_is_unpacked(site: Site, folder: Path, register: Register) -> None:
    site.files["/a.zip"] = archive(net__inner__pth=b"", **{"138k__inner.pth": CONTENT})
    register("/a.zip", member="inner.pth")
    assert fetched(folder) == CONTENT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (archive(other=CONTENT), "0 files inner.pth (it has: other)"),
        (archive(**{"a__inner.pth": b"1", "b__inner.pth": b"2"}), "2 files inner.pth"),
        (archive(**{"inner.pth": CONTENT})[:-30], "no sound zip archive"),
        (archive(**{"inner.pth": bytes(1 << 23)}), "out of proportion"),
        (CONTENT, "no sound zip archive"),
    ],
    ids=["absent", "twice", "cut", "bomb", "no archive"],
)
def test_an_unsound_archive_is_refused(
    site: Site, folder: Path, register: Register, content: bytes, told: str
) -> None:
    site.files["/a.zip"] = content
    register("/a.zip", member="inner.pth", size=None, sha256=None)
    assert told in refused(folder)
    assert list(folder.iterdir()) == []


def test_an_archive_cannot_write_elsewhere(site: Site, folder: Path, register: Register) -> None:
    site.files["/a.zip"] = archive(**{"..__..__inner.pth": CONTENT})
    register("/a.zip", member="inner.pth")
    assert fetched(folder) == CONTENT
    assert list(folder.parent.iterdir()) == [folder]


def test_an_unpublished_checksum_is_recorded(folder: Path, register: Register) -> None:
    register("/a.pth", sha256=None, size=None)
    assert fetched(folder) == CONTENT
    assert json.loads((folder / RECORD).read_text()) == {"some.pth": DIGEST}


def test_a_file_must_be_what_it_was_when_first_fetched(
    site: Site, folder: Path, register: Register
) -> None:
    register("/a.pth", sha256=None, size=None)
    fetch("some", transfer=FAST).path.unlink()
    site.files["/a.pth"] = CONTENT[::-1]
    assert f"not {DIGEST}, as in {folder / RECORD}" in refused(folder)


def test_a_damaged_file_that_is_here_is_not_fetched_over(folder: Path, register: Register) -> None:
    register("/a.pth")
    folder.mkdir()
    (folder / "some.pth").write_bytes(CONTENT[::-1])
    with pytest.raises(UserError, match="it is another file. Delete it"):
        fetch("some", transfer=FAST)


def test_a_disk_without_room_is_told_before_anything_is_sent(
    folder: Path, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1000))
    register("/a.pth")
    line = refused(folder)
    assert "is full (0.307 MB are needed for some.pth)" in line
    assert "PIPELINE_WEIGHTS=PATH" in line


def test_a_disk_that_fills_up_keeps_what_is_there(
    folder: Path, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("/a.pth")
    write = Partial.write

    def fill(self: Partial, block: bytes) -> None:
        write(self, block[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Partial, "write", fill)
    assert "it goes on where it was" in refused(folder)
    monkeypatch.setattr(Partial, "write", write)
    (part,) = folder.iterdir()
    assert part.stat().st_size == 1000
    assert fetched(folder) == CONTENT


def test_a_folder_that_cannot_be_made_is_told(folder: Path, register: Register) -> None:
    folder.write_text("a file")
    register("/a.pth")
    assert f"Cannot write to the weights folder {folder}" in refused(folder / "x")


def test_two_processes_do_not_write_to_one_file(folder: Path, register: Register) -> None:
    register("/gone.pth")
    folder.mkdir()
    path = folder / "some.pth.partial"
    with (
        Partial.opened(path),
        pytest.raises(UserError, match="another process"),
        Partial.opened(path),
    ):
        pass
