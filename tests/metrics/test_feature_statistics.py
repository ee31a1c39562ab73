"""Streaming moments, and statistics as files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.feature_statistics import FeatureStatistics, Moments, StreamingMoments


def features(n: int, d: int = 5, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=draw).relu() * torch.arange(1.0, d + 1)


def assert_close(a: Moments, b: Moments, tolerance: float = 1e-11) -> None:
    assert a.n == b.n
    assert (a.mean - b.mean).abs().max() <= tolerance * b.mean.abs().max()
    assert (a.scatter - b.scatter).abs().max() <= tolerance * b.scatter.abs().max()


def test_moments_are_numpys() -> None:
    x = features(20)
    moments = Moments.of(x)
    rows = x.double().numpy()
    assert np.allclose(moments.mean, rows.mean(0), rtol=1e-14)
    assert np.allclose(moments.covariance(), np.cov(rows, rowvar=False), rtol=1e-13)


def test_moments_add_and_subtract() -> None:
    x = features(20)
    whole, part, rest = Moments.of(x), Moments.of(x[:7]), Moments.of(x[7:])
    assert_close(part + rest, whole)
    assert_close(whole - part, rest)
    nothing = Moments.of(x[:0])
    assert_close(nothing + whole, whole)
    assert_close(whole - nothing, whole)


def test_a_large_mean_costs_no_digits() -> None:
    x = features(600).double()
    streaming = StreamingMoments(5)
    for batch in (x + 1e6).split(37):  # type: ignore[no-untyped-call]
        streaming.update(batch)
    expected = Moments.of(x).covariance()
    assert (streaming.moments().covariance() - expected).abs().max() < 1e-8


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_streaming_is_the_whole(size: int) -> None:
    x = features(700)
    streaming = StreamingMoments(5)
    for batch in x.split(size):  # type: ignore[no-untyped-call]
        streaming.update(batch)
    assert_close(streaming.moments(), Moments.of(x))


def test_streaming_state_comes_back() -> None:
    streaming = StreamingMoments(5)
    streaming.update(features(9))
    again = StreamingMoments.from_state(streaming.state())
    assert_close(again.moments(), streaming.moments(), 0.0)
    again.merge(streaming)
    assert_close(again.moments(), Moments.of(features(9).repeat(2, 1)))


def test_bad_features_are_refused() -> None:
    streaming = StreamingMoments(5)
    with pytest.raises(ValueError, match="are not"):
        streaming.update(features(3, 4))
    with pytest.raises(UserError, match="not finite"):
        streaming.update(torch.full((2, 5), torch.nan))
    with pytest.raises(UserError, match="at least 2"):
        Moments.of(features(1)).covariance()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_statistics_come_back_from_a_file(suffix: str, tmp_path: Path) -> None:
    statistics = FeatureStatistics.of("fid", Moments.of(features(9)))
    path = tmp_path / f"statistics{suffix}"
    statistics.save(path)
    again = FeatureStatistics.load(path)
    assert (again.extractor, again.n) == ("fid", 9)
    assert torch.equal(again.mean, statistics.mean)
    assert torch.equal(again.covariance, statistics.covariance)
    assert again.fingerprint == statistics.fingerprint


def test_pytorch_fids_files_are_read_and_written(tmp_path: Path) -> None:
    x = features(9).double().numpy()
    np.savez(tmp_path / "theirs.npz", mu=x.mean(0), sigma=np.cov(x, rowvar=False))
    theirs = FeatureStatistics.load(tmp_path / "theirs.npz")
    assert (theirs.extractor, theirs.n) == ("fid", None)
    theirs.save(tmp_path / "ours.npz")
    with np.load(tmp_path / "ours.npz") as file:
        assert np.array_equal(file["mu"], x.mean(0))
        assert np.array_equal(file["sigma"], np.cov(x, rowvar=False))


def test_the_name_of_the_network_is_kept(tmp_path: Path) -> None:
    statistics = FeatureStatistics.of("fd_embedded", Moments.of(features(9)))
    statistics.save(tmp_path / "s.safetensors")
    assert FeatureStatistics.load(tmp_path / "s.safetensors").extractor == "fd_embedded"
    assert (
        statistics.fingerprint != FeatureStatistics.of("fid", Moments.of(features(9))).fingerprint
    )


def test_files_that_are_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No feature statistics at"):
        FeatureStatistics.load(tmp_path / "none.npz")
    for name in ("broken.npz", "broken.safetensors", "broken.pt"):
        (tmp_path / name).write_bytes(b"broken")
        with pytest.raises(UserError, match="feature statistics"):
            FeatureStatistics.load(tmp_path / name)
    np.savez(tmp_path / "other.npz", mean=np.zeros(3))
    with pytest.raises(UserError, match="does not hold"):
        FeatureStatistics.load(tmp_path / "other.npz")
