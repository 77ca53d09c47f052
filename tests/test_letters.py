"""Fonts, shaping, lines, and the pixels that letters cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from n2s.lettering import bidi
from n2s.lettering.font import FOLDER, SHIPPED, FontError, open_font, shipped_font
from n2s.lettering.layout import Line, lay_out, wrap
from n2s.lettering.raster import coverage, flatten, soften
from n2s.lettering.shaping import breaks, lack_of, shape
from n2s.lettering.stamps import PARTS, Stamp, Stamps


@pytest.fixture(scope="module")
def font():
    return open_font(shipped_font(300), 300)


def polygon(*points: tuple[float, float]) -> np.ndarray:
    corners = np.array(points, np.float64)
    return np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)


def supersampled(edges: np.ndarray, width: int, height: int, times: int = 32) -> np.ndarray:
    """Return the share of the points of a fine grid that lie inside, by how often a ray to the left crosses edges."""
    x = (np.arange(width * times) + 0.5) / times
    rows = np.zeros((height * times, width * times), np.float32)
    for i, y in enumerate((np.arange(height * times) + 0.5) / times):
        wound = np.zeros(len(x), np.int64)
        for x0, y0, x1, y1 in edges:
            if (y0 <= y) != (y1 <= y):
                at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
                wound += (x > at) * (1 if y1 > y0 else -1)
        rows[i] = wound != 0
    return rows.reshape(height, times, width, times).mean(axis=(1, 3))


def test_a_rectangle_covers_its_exact_area() -> None:
    made = coverage(polygon((1.25, 1.5), (3.5, 1.5), (3.5, 2.25), (1.25, 2.25)), 5, 4)
    wanted = np.zeros((4, 5), np.float32)
    wanted[1, 1:4] = 0.5 * np.array([0.75, 1, 0.5])
    wanted[2, 1:4] = 0.25 * np.array([0.75, 1, 0.5])
    np.testing.assert_array_equal(made, wanted)


def test_coverage_against_supersampling() -> None:
    star = polygon(
        *[(8 + (7 - k % 2 * 4) * np.sin(k * np.pi / 5), 8 + (7 - k % 2 * 4) * np.cos(k * np.pi / 5)) for k in range(10)]
    )
    for edges in (star, polygon((0.3, 0.2), (15.9, 4.1), (3.3, 15.7)), polygon((2, 2), (14, 3), (13, 14), (7, 5))):
        np.testing.assert_allclose(coverage(edges, 16, 16), supersampled(edges, 16, 16), atol=0.03)


def test_a_hole_is_left_out_and_what_overlaps_counts_once() -> None:
    square, inner = polygon((1, 1), (7, 1), (7, 7), (1, 7)), polygon((3, 3), (5, 3), (5, 5), (3, 5))
    assert coverage(np.concatenate([square, inner[::-1][:, [2, 3, 0, 1]]]), 8, 8).sum() == 36 - 4
    assert coverage(np.concatenate([square, inner]), 8, 8).sum() == 36


@pytest.mark.parametrize("glyph", "Rg8@")
def test_letters_have_the_area_of_their_outline(font, glyph: str) -> None:
    number = font.face.get_nominal_glyph(ord(glyph))
    edges = flatten(font.outline(number), 37.7) + np.tile((8.3, 40.6), 2)
    x0, y0, x1, y1 = edges.T
    assert coverage(edges, 64, 64).sum() == pytest.approx(abs((x0 * y1 - x1 * y0).sum()) / 2, rel=1e-4)
    np.testing.assert_allclose(coverage(edges, 64, 64), supersampled(edges, 64, 64, 8), atol=0.2)


def test_a_size_twice_as_large_shows_the_same(font) -> None:
    number = font.face.get_nominal_glyph(ord("S"))
    small, large = (
        coverage(flatten(font.outline(number), size) + np.tile((4 * size / 32, 36 * size / 32), 2), size * 2, size * 2)
        for size in (32, 128)
    )
    np.testing.assert_allclose(large.reshape(64, 4, 64, 4).mean(axis=(1, 3)), small, atol=0.01)


@pytest.mark.parametrize("sigma", [0.4, 1.7, 6.0])
def test_soften_keeps_light_and_has_its_deviation(sigma: float) -> None:
    point = np.zeros((61, 61))
    point[30, 30] = 1
    made, at = soften(point, sigma), np.arange(61) - 30
    assert made.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((made.sum(axis=0) * at * at).sum()) == pytest.approx(sigma, rel=1e-3)
    np.testing.assert_allclose(made, made.T, atol=1e-7)


def test_pairs_of_letters_are_kerned(font) -> None:
    def width(text: str) -> float:
        return sum(letter.advance for letter in shape(font, text, False))

    assert width("AV") < width("A") + width("V") - 0.03
    assert width("HH") == pytest.approx(2 * width("H"))


def test_marks_stay_with_their_letter(font) -> None:
    letters = shape(font, "a\u0301b\u0300", True)
    assert [letter.start for letter in letters] == [0, 2]


def test_the_shipped_font_has_three_scripts_and_its_licence() -> None:
    for weight in SHIPPED:
        font = open_font(shipped_font(weight), weight)
        assert font.path.stat().st_size < 400_000
        assert not lack_of(font, "First Light, ÅÇÉñőž “quotes” – 0123 Πρώτο φως ά Первый свет Ї ґ")
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "OFL.txt").read_text().upper()


def test_what_a_font_lacks_is_named(font) -> None:
    assert lack_of(font, "Light 光あ\nか").startswith(
        f"the font {font.name} has no glyph for '光' (U+5149), 2 more; name a font file"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "is no font"), (b"hello" * 100, "is no font"), (b"wOF2" + b"\0" * 100, "is a web font (WOFF2)"),
     (b"\0\1\0\0" + b"\7" * 500, "is a damaged font"), (b"OTTO", "is a damaged font")],
)  # fmt: skip
def test_files_that_are_no_fonts(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "f.ttf").write_bytes(data)
    with pytest.raises(FontError, match=r"f\.ttf") as error:
        open_font(tmp_path / "f.ttf", 300)
    assert said in str(error.value)


def test_a_font_cut_short_is_no_traceback(tmp_path: Path) -> None:
    whole = shipped_font(300).read_bytes()
    for length in range(12, len(whole), len(whole) // 23):
        path = tmp_path / f"{length}.ttf"
        path.write_bytes(whole[:length])
        try:
            shape(open_font(path, 300), "First Light", False)
        except FontError:
            continue


HEBREW, ARABIC = "\u05d0\u05d1\u05d2", "\u0627\u0644\u0639"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("abc", [(0, 3, False)]),
        (HEBREW, [(0, 3, True)]),
        (f"abc {HEBREW} def", [(0, 4, False), (4, 7, True), (7, 11, False)]),
        (f"{HEBREW} abc", [(4, 7, False), (0, 4, True)]),
        (f"{HEBREW} 12.5 {HEBREW}", [(8, 12, True), (4, 8, False), (0, 4, True)]),
        (f"abc {HEBREW} 12, def", [(0, 4, False), (8, 10, False), (4, 8, True), (10, 15, False)]),
        (f"{ARABIC}!", [(0, 4, True)]),
        ("", []),
    ],
)
def test_writing_from_right_to_left(text: str, wanted: list[tuple[int, int, bool]]) -> None:
    assert bidi.runs(text) == wanted


def made_font(path: Path) -> Path:
    """Make a font of squares for Hebrew and Arabic letters; Arabic alef-lam is one glyph, and noon has a final form."""
    from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    names = {"space": 0x20, "alef": 0x5D0, "bet": 0x5D1, "aleph": 0x627, "lam": 0x644, "noon": 0x646}
    order = [".notdef", *names, "noon.fina", "lam_aleph"]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({code: name for name, code in names.items()})
    glyphs = {}
    for i, name in enumerate(order):
        pen = TTGlyphPen(None)
        if name != "space":
            for at, to in zip([(0, 0), (0, 500), (400, 500), (400, 0)], [0, 1, 2, 3]):
                (pen.lineTo if to else pen.moveTo)(at)
            pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (500 + 10 * i, 0) for i, name in enumerate(order)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2(sCapHeight=500)
    builder.setupPost()
    features = (
        "languagesystem DFLT dflt; languagesystem arab dflt;"
        "feature fina { script arab; sub noon by noon.fina; } fina;"
        "feature rlig { script arab; sub lam aleph by lam_aleph; } rlig;"
    )
    addOpenTypeFeaturesFromString(builder.font, features)
    builder.save(path)
    return path


def test_arabic_joins_and_hebrew_runs_to_the_left(tmp_path: Path) -> None:
    pytest.importorskip("fontTools")
    font = open_font(made_font(tmp_path / "squares.ttf"), 400)
    names = [".notdef", "space", "alef", "bet", "aleph", "lam", "noon", "noon.fina", "lam_aleph"]

    def glyphs(text: str) -> list[str]:
        return [names[glyph] for letter in shape(font, text, True) for glyph, _, _ in letter.glyphs]

    assert glyphs("\u05d0\u05d1") == ["bet", "alef"]
    assert glyphs("\u0644\u0627") == ["lam_aleph"]  # required ligatures are made whatever the spacing
    assert glyphs("\u0646\u0646") == ["noon.fina", "noon"]
    assert [letter.spaced for letter in shape(font, "\u0646 \u05d0", True)] == [True, False, False]
    line = Line(font, "\u0646\u0646", True)
    assert line.width(0.5) == line.width(0)
    assert lack_of(font, "\u05d0b") != "" and lack_of(font, "\u05d0 \u0627") == ""


def test_lines_are_broken_evenly(font) -> None:
    whole = Line(font, "the long road home again", False)
    parts = wrap(whole, whole.width(0) * 0.6, 0)
    assert [part.text.strip() for part in parts] == ["the long road", "home again"]
    assert wrap(whole, 99, 0) == [whole]
    assert [part.text for part in wrap(Line(font, "unbreakable", False), 1, 0)] == ["unbreakable"]
    assert breaks("a b-c 光の道。") == [2, 4, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "broken", "seen"),
    [
        # Seen from left to right; letters that run to the left are told backwards.
        (f"{HEBREW} {HEBREW} abc {HEBREW}", [f"{HEBREW} {HEBREW} ", f"abc {HEBREW}"], [f"{HEBREW[::-1]} abc"]),
        (f"abc defg {HEBREW} hij", ["abc defg ", f"{HEBREW} hij"], [f"{HEBREW[::-1]} hij"]),
        (f"abcd {HEBREW} 12 {HEBREW}", [f"abcd {HEBREW} ", f"12 {HEBREW}"], [f"{HEBREW[::-1]} 12"]),
        (f"{ARABIC} {ARABIC} (abc) d", [f"{ARABIC} {ARABIC} ", "(abc) d"], ["abc) d("]),
    ],
)
def test_lines_that_are_broken_keep_the_direction_of_their_paragraph(
    font, text: str, broken: list[str], seen: list[str]
) -> None:
    """The font lacks these letters, so each is a box as wide as the others."""
    whole = Line(font, text, False)
    parts = wrap(whole, max(Line(font, part, False).width(0) for part in broken), 0)
    assert [part.text for part in parts] == broken
    assert ["".join(part.text[letter.start] for letter in part.letters) for part in parts[1:]] == seen
    assert bidi.embed(text).levels == sum((part.embedding.levels for part in parts if part.embedding), ())


PLACES = ["centre", "top", "bottom", "left", "right", "top left", "top right", "bottom left", "bottom right"]


@pytest.mark.parametrize("aspect", [16 / 9, 1, 9 / 16])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fit", ["wrap", "shrink"])
def test_text_stays_within_the_margins(font, aspect: float, place: str, fit: str) -> None:
    for text, size, x in (("First Light", 0.1, 0), ("Ågy quite a long title for all that", 0.3, 0.5), ("g", 1, -2)):
        block = lay_out(
            font, text, aspect, size=size, tracking=0.1, leading=1.2, place=place, align=None, margin=0.1, fit=fit,
            x=x, y=x,
        )  # fmt: skip
        for i, line in enumerate(block.lines):
            left, width = block.left(i, 0.1), line.width(0.1) * block.size
            assert left >= 0.1 * aspect - 1e-9 and left + width <= 0.9 * aspect + 1e-9
            above, below = line.reach
            assert block.baselines[i] - above * block.size >= 0.1 - 1e-9
            assert block.baselines[i] + below * block.size <= 0.9 + 1e-9
        assert block.size <= size


def test_places_and_alignment(font) -> None:
    def laid(place: str, align: str | None = None):
        return lay_out(
            font,
            "a wide line\nb",
            2,
            size=0.1,
            tracking=0,
            leading=1.2,
            place=place,
            align=align,
            margin=0.1,
            fit="wrap",
        )

    assert laid("left").left(1, 0) == pytest.approx(0.2)
    right = laid("top right")
    assert right.left(1, 0) + right.lines[1].width(0) * 0.1 == pytest.approx(1.8)
    centre = laid("centre")
    assert centre.left(0, 0) + centre.lines[0].width(0) * 0.05 == pytest.approx(1)
    assert (centre.baselines[0] - font.cap * 0.1 + centre.baselines[1]) / 2 == pytest.approx(0.5)
    assert laid("bottom left").baselines[1] == pytest.approx(0.9, abs=0.003)
    assert laid("right", "left").left(0, 0) == laid("right", "left").left(1, 0)


def test_stamps_are_cut_at_the_edges_and_keep_to_sixteenths() -> None:
    square = polygon((0, 0), (4, 0), (4, 4), (0, 4))
    stamps = Stamps(lambda key: square, (8, 6))
    (made,) = stamps.frames([[Stamp("a", -2, 4, 1.0), Stamp("a", 5.5, 0.03, 0.5), Stamp("a", 40, -9, 1)]])[:, 0]
    wanted = np.zeros((6, 8), np.float32)
    wanted[4:, :2] = 1
    wanted[:4, 5:] = [[0.25, 0.5, 0.5]]
    np.testing.assert_array_equal(made, wanted)
    assert stamps.frames([[Stamp("a", 1 / PARTS, 0, 1.0)]])[0, 0, 0, 0] == np.float32(1 - 1 / PARTS)
    assert stamps.frames([[Stamp("a", 0, 0, 0.0)], []]).max() == 0


def test_a_coarse_blur_is_near_a_fine_one() -> None:
    square = polygon((0, 0), (40, 0), (40, 40), (0, 40))
    fine, coarse = (Stamps(lambda key: square, (128, 128), 14.0, coarse).frames([[Stamp("a", 44, 44, 1.0)]])[0, 0]
                    for coarse in (False, True))  # fmt: skip
    assert coarse.shape == (32, 32)
    np.testing.assert_allclose(fine.reshape(32, 4, 32, 4).mean(axis=(1, 3)), coarse, atol=0.02)
