"""Folders, zip files and LMDB databases: what is found, in which order, and under which hash."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from pipeline.datasets.folder import ImageFolder
from pipeline.datasets.lmdb_images import ImageLmdb
from pipeline.datasets.source import SAMPLED, ImageSource, is_image, required_path, sampled
from pipeline.datasets.zipped import ImageZip
from pipeline.errors import UserError
from tests.datasets.fake_lmdb import fake_lmdb
from tests.datasets.pictures import encoded, folder_of, picture

CONTENTS = {f"{i}/{i}.png": encoded(picture(i)) for i in range(3)}
Make = Callable[[Path, dict[str, bytes]], ImageSource]


def in_folder(path: Path, contents: dict[str, bytes]) -> ImageSource:
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return ImageFolder(path)


def in_zip(path: Path, contents: dict[str, bytes]) -> ImageSource:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, content in reversed(contents.items()):
            file.writestr(name, content)
    return ImageZip(path)


def in_lmdb(path: Path, contents: dict[str, bytes]) -> ImageSource:
    lmdb = pytest.importorskip("lmdb")
    path.mkdir(parents=True)
    with lmdb.open(str(path)) as database, database.begin(write=True) as transaction:
        for name, content in contents.items():
            transaction.put(name.encode(), content)
    return ImageLmdb(path)


def in_fake_lmdb(path: Path, contents: dict[str, bytes]) -> ImageSource:
    sys.modules["lmdb"] = fake_lmdb({k.encode(): v for k, v in contents.items()})
    path.mkdir(parents=True)
    (path / "data.mdb").touch()
    return ImageLmdb(path)


@pytest.fixture(params=[in_folder, in_zip, in_lmdb, in_fake_lmdb])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    if request.param is in_fake_lmdb:
        monkeypatch.setitem(sys.modules, "lmdb", ModuleType("lmdb"))  # put back afterwards
    made: Make = request.param
    return made


def test_contents_come_back_by_name_in_order(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "set", CONTENTS)
    assert list(source.names) == sorted(CONTENTS)
    assert len(source) == 3
    assert {name: source.read(name) for name in source.names} == CONTENTS


def test_the_hash_is_that_of_names_and_contents(make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "a", CONTENTS)
    whole = source.fingerprint(source.names)
    assert whole == make(tmp_path / "b", CONTENTS).fingerprint(source.names)
    renamed = {name.replace("2", "3"): content for name, content in CONTENTS.items()}
    altered = CONTENTS | {"1/1.png": CONTENTS["1/1.png"][:-1] + b"x"}
    swapped = CONTENTS | {"1/1.png": CONTENTS["2/2.png"], "2/2.png": CONTENTS["1/1.png"]}
    for i, contents in enumerate((renamed, altered, swapped)):
        other = make(tmp_path / f"other{i}", contents)
        assert other.fingerprint(other.names) != whole
    assert source.fingerprint(source.names[:2]) != whole


def test_three_pieces_stand_for_a_long_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 200
    (tmp_path / "a.png").write_bytes(content)
    pieces = ImageFolder(tmp_path).digest("a.png")
    assert pieces == sampled(memoryview(content))
    middle = len(content) // 2 - SAMPLED // 2
    assert pieces[8:] == b"".join(
        content[i : i + SAMPLED] for i in (0, middle, len(content) - SAMPLED)
    )


def test_only_images_count(tmp_path: Path) -> None:
    names = ["b.JPG", "a/x.png", "a/.hidden.png", ".git/y.png", "__MACOSX/z.png", "notes.txt"]
    contents = {name: b"x" for name in names}
    for source in (in_folder(tmp_path / "f", contents), in_zip(tmp_path / "z.zip", contents)):
        assert list(source.names) == ["a/x.png", "b.JPG"]
    assert not is_image("png")


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UserError, match="holds no images.*png"):
        ImageFolder(tmp_path)
    with pytest.raises(UserError, match="holds no images"):
        in_zip(tmp_path / "z.zip", {"notes.txt": b""})
    with pytest.raises(UserError, match="is no folder.*dataset=zip"):
        ImageFolder(tmp_path / "z.zip")
    with pytest.raises(UserError, match="is no zip file.*dataset=folder"):
        ImageZip(tmp_path)
    with pytest.raises(UserError, match="is no zip file"):
        ImageZip(tmp_path / "notes.txt")


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    in_zip(path, CONTENTS)
    data = bytearray(path.read_bytes())
    data[data.index(b"1/1.png") + 40] ^= 255
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"'1/1\.png' cannot be read"):
        ImageZip(path).read("1/1.png")


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    source = ImageFolder(folder_of(tmp_path, ["a.png"]))
    (tmp_path / "a.png").unlink()
    for read in (source.read, source.digest):
        with pytest.raises(UserError, match=r"'a\.png' cannot be read \(No such file"):
            read("a.png")


def test_without_lmdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(UserError, match="uv sync --extra lmdb") as caught:
        ImageLmdb(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_no_database(tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    with pytest.raises(UserError, match=r"no data\.mdb"):
        ImageLmdb(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"no database" * 1000)
    for path in (tmp_path, tmp_path / "data.mdb"):
        with pytest.raises(UserError, match="is no LMDB database"):
            ImageLmdb(path)


def test_a_path_is_required(tmp_path: Path) -> None:
    assert required_path(str(tmp_path), "folder") == tmp_path
    with pytest.raises(UserError, match=r"add dataset\.path=PATH"):
        required_path(None, "folder")
    with pytest.raises(UserError, match=r"nothing at dataset\.path=/no/such"):
        required_path("/no/such", "zip")
