"""New anchors: pictures fitted to a size, latents scaled to the usual spread, typical points of clusters."""

from __future__ import annotations

import numpy as np
import pytest

from n2s.graph.errors import RenderError
from n2s.runtime.media.resample import fit_picture
from n2s.runtime.models import anchor_sources
from n2s.runtime.models.anchors import spread
from n2s.runtime.models.clusters import medoids


def test_pictures_are_fitted_to_the_size() -> None:
    wide = np.linspace(0, 1, 90, dtype=np.float32)[None, None].repeat(30, 1).repeat(3, 0)
    covered = fit_picture(wide, (32, 32))
    assert covered.shape == (3, 32, 32)
    assert abs(covered[0, 16, 0] - 1 / 3) < 0.02 and abs(covered[0, 16, -1] - 2 / 3) < 0.02
    whole = fit_picture(wide, (64, 90), "mirror")
    assert whole.shape == (3, 64, 90)
    np.testing.assert_allclose(whole[:, 17:47], wide, atol=1e-5)
    np.testing.assert_allclose(whole[:, 16], whole[:, 17], atol=1e-5)
    checks = (np.indices((512, 1024)).sum(axis=0) % 2).astype(np.float32)[None].repeat(3, 0)
    np.testing.assert_allclose(fit_picture(checks, (64, 128)), np.sqrt(0.5), atol=0.01)  # the mean of light


def test_equal_pictures_make_one_anchor() -> None:
    points = np.repeat(np.eye(3), [4, 1, 2], axis=0)
    assert medoids(points, 5, np.random.default_rng(1)) == [0, 5, 4]


def test_medoids_lie_in_the_middle_of_clusters() -> None:
    rng = np.random.default_rng(2)
    points = np.concatenate([centre + rng.normal(0, 0.1, (20, 2)) for centre in ([0, 0], [5, 0], [0, 5])])
    for seed in range(5):
        found = medoids(points, 3, np.random.default_rng(seed))
        assert sorted(row // 20 for row in found) == [0, 1, 2]


def test_latents_that_are_nothing() -> None:
    for value, said in ((np.nan, "not finite"), (0.0, "almost zero"), (np.inf, "not finite")):
        with pytest.raises(RenderError, match=said):
            anchor_sources.balance_spread(np.full((8, 2, 4), value, np.float32), "patches.png")
    assert np.isclose(spread(anchor_sources.balance_spread(np.full((8, 2, 4), 3.0), "patches.png")), 1.25)
    assert np.isclose(spread(anchor_sources.balance_spread(np.full((8, 2, 4), 0.1), "patches.png")), 0.8)
