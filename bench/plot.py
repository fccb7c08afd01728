"""The pictures of docs/: bars for a capture each, and lines; one style."""

import tempfile
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())  # docs/ when the figures are to be written
OURS, THEIRS = "#1f6f8b", "#b9c0c7"
LINES = ("#1f6f8b", "#e07a3f", "#7a8b99", "#b5446e", "#4f9d69", "#8c6bb1", "#c9a227")
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
    """As a PNG of docs/; its name."""
    import matplotlib.pyplot as plt

    figure.savefig(FOLDER / name, metadata={"Software": None})
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
        place.bar_label(shown, fmt=lambda value: f"{value:.3g}", padding=3, fontsize=8)
        place.set_title(title)
        place.set_xlabel(unit)
        place.tick_params(axis="y", length=0, labelsize=8)
        place.margins(x=0.14)
    for place in places.flat[len(groups) :]:
        place.set_visible(False)
    return save(figure, name)


def lines(name, charts, height=3.2):
    """Charts side by side: each (title, label of x, label of y, {line: [(x, y), …]}, {"log": True, "ticks": […]})."""
    figure, places = axes(1, len(charts), height)
    for place, (title, across, up, series, more) in zip(places.flat, charts, strict=True):
        for number, (label, points) in enumerate(series.items()):
            x, y = zip(*points, strict=True)
            style = {
                "color": LINES[number % len(LINES)],
                "linewidth": 2.2 if label.startswith("flowherd") else 1.4,
            }
            place.plot(x, y, marker="o", markersize=3.5, label=label, **style)
        if more.get("log"):
            place.set_xscale("log")
            ticks = more["ticks"]
            place.set_xticks(list(ticks), list(ticks.values()))
            place.minorticks_off()
        place.set(title=title, xlabel=across, ylabel=up)
        place.set_ylim(bottom=0, top=more.get("top"))
        place.grid(axis="y", color="#e3e3e3", linewidth=0.8)
        if len(series) > 1:
            place.legend(frameon=False, fontsize=8)
    return save(figure, name)
