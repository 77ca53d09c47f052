"""Three lenses for n2s: `RibbedGlass`, `FacetGlass` and `HeatHaze`."""

from n2s_lenses.facet_glass import FacetGlass
from n2s_lenses.heat_haze import HeatHaze
from n2s_lenses.ribbed_glass import RibbedGlass

__all__ = ["FacetGlass", "HeatHaze", "RibbedGlass"]
