"""The pictures of docs/: bars for a capture each, and lines; one style."""

import tempfile
from io import BytesIO
from itertools import cycle
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())  # docs/ when the figures are to be written
OURS, THEIRS = "#1f6f8b", "#b9c0c7"
SHADES = ("#1f6f8b", "#5fb3c8")
LINES = ("#e07a3f", "#b5446e", "#4f9d69", "#8c6bb1", "#7a8b99", "#c9a227")
COLOURS = 64  # of a PNG: a palette keeps it small
WIDTH = 8.0


def axes(rows, columns, height):
    """A figure in the style of all."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    look = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
    }
    look |= {"axes.titlesize": 10, "axes.titleweight": "bold", "axes.edgecolor": "#8a8a8a", "figure.dpi": 120}
    plt.rcParams.update(look)
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", squeeze=False)


def save(figure, name):
    """As a PNG; its name."""
    import matplotlib.pyplot as plt
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, metadata={"Software": None})
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(FOLDER / name, optimize=True)
    plt.close(figure)
    return name


def bars(name, groups, unit):
    """One small chart for each of {title: {program: value}}, the largest on top."""
    columns = 2
    lines = -(-len(groups) // columns)
    figure, places = axes(lines, columns, 2.6 * lines)
    for place, (title, values) in zip(places.flat, groups.items(), strict=False):
        order = sorted(values, key=values.get)
        colours = [OURS if one.startswith("flowherd") else THEIRS for one in order]
        shown = place.barh(order, [values[one] for one in order], color=colours, height=0.75)
        place.bar_label(shown, fmt=lambda value: f"{value:.2g}", padding=3, fontsize=8)
        place.set_title(title)
        place.set_xlabel(unit)
        place.tick_params(axis="y", length=0, labelsize=8)
        place.margins(x=0.14)
    for place in places.flat[len(groups) :]:
        place.set_visible(False)
    return save(figure, name)


def lines(name, charts, height=3.2):
    """Charts side by side: each (title, label of x, label of y, {line: [(x, y), …]}, {"log": True, "ticks": {…}})."""
    figure, places = axes(1, len(charts), height)
    names = [list(series) for *_, series, _ in charts]
    shared = len(names[0]) > 1 and all(each == names[0] for each in names)
    for place, (title, across, up, series, more) in zip(places.flat, charts, strict=True):
        ours, theirs = cycle(SHADES), cycle(LINES)
        for label, points in series.items():
            own = label.startswith("flowherd")
            place.plot(
                *zip(*points, strict=True), marker="o", markersize=3.5, label=label,
                color=next(ours if own else theirs), linewidth=2.4 if own else 1.3, zorder=3 if own else 2,
            )  # fmt: skip
        if more.get("log"):
            place.set_xscale("log")
            ticks = more["ticks"]
            place.set_xticks(list(ticks), list(ticks.values()))
            place.minorticks_off()
        place.set(title=title, xlabel=across, ylabel=up)
        place.set_ylim(bottom=0, top=more.get("top"))
        place.grid(axis="y", color="#e3e3e3", linewidth=0.8)
        if len(series) > 1 and not shared:
            place.legend(frameon=False, fontsize=8)
    if shared:
        figure.legend(*places[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return save(figure, name)
