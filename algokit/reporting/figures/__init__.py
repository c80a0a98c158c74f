"""The pictures of a report: pure functions from plain rows and arrays to self-contained SVG and PNG.

    surface = load_surface()                            # once
    roi_bars(scores)                                    -> roi-bars-classes, roi-bars-<ROI class>...
    subject_bars(scores)                                -> subject-bars
    ceiling_versus_score(scores.vertices)               -> ceiling-versus-score
    brain_maps(surface, scores.vertices, quantity)      -> <quantity>-map-mean, <quantity>-map-<subject>...
    choice_of(record, spaces, rois=..., fsaverage_index=...)  -> Choice, the input of the four below
    layer_maps(surface, choices)                        -> layer-map-<member>-median, layer-map-<member>-<subject>...
    grid_maps(surface, choices)                         -> grid-map-...
    alpha_maps(surface, choices)                        -> alpha-map-<member>-mean, alpha-map-<member>-<subject>...
    depth_histogram(choices)                            -> depth-<member>...
    save(pictures, folder)

All are SVG with real text in the colour of the page around (`currentColor`). A page may set `--figure-bar`,
`--figure-bar-2` and `--figure-mark`; the fall-backs read on white and on black. A brain map holds its views as a
palette PNG with a transparent ground. Every picture says in words what it shows (`Picture.alt`) and how (`.caption`);
what is alike in all maps is said once, by `MAPS_NOTE`. Pictures are drawn for a telephone's width, and `width_px` is
a fifth more: where there is room they and their words are shown larger.

What cannot be drawn is absent from the tuple: maps without ``fsaverage_index``, densities without ceilings.
"""

from algokit.reporting.figures.bars import roi_bars, subject_bars
from algokit.reporting.figures.chosen import Choice, choice_of
from algokit.reporting.figures.density import ceiling_versus_score
from algokit.reporting.figures.depth import depth_histogram
from algokit.reporting.figures.maps import MAPS_NOTE, Quantity, alpha_maps, brain_maps, grid_maps, layer_maps
from algokit.reporting.figures.picture import Picture, save
from algokit.reporting.figures.surface import Surface, load_surface

__all__ = [
    "MAPS_NOTE",
    "Choice",
    "Picture",
    "Quantity",
    "Surface",
    "alpha_maps",
    "brain_maps",
    "ceiling_versus_score",
    "choice_of",
    "depth_histogram",
    "grid_maps",
    "layer_maps",
    "load_surface",
    "roi_bars",
    "save",
    "subject_bars",
]
