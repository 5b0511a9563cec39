"""Metrics of commands that end, for Prometheus: files that node_exporter's textfile collector reads.

Source: node_exporter's README, "Textfile Collector": it reads every `*.prom` of its folder, in Prometheus' text format without
timestamps; a file must be moved into place whole.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from seawall.contract import MetricSpec
from seawall.errors import InvalidInput
from seawall_ops.files import replace_file

__all__ = ["write_textfile"]

SUFFIX: Final = ".prom"
READABLE: Final = 0o644  # node_exporter runs as another user
ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})  # of a label's value, in Prometheus' text format


def write_textfile(path: Path, metric: MetricSpec, samples: Iterable[tuple[Mapping[str, str], float]]) -> None:
    """Write one metric, whole or not at all. Without samples it is there and has no series.

    Args:
        path: Ends in `.prom`; its folder exists.
        metric: Its name, kind and description.
        samples: Labels and value of each series.

    Raises:
        InvalidInput: The name ends otherwise, or the file cannot be written.
    """
    if path.suffix != SUFFIX:
        raise InvalidInput(
            "--textfile", str(path), allowed=f"a name that ends in {SUFFIX}: the collector reads no other"
        )
    lines = [f"# HELP {metric.prometheus} {metric.description}", f"# TYPE {metric.prometheus} {metric.kind.value}"]
    for labels, value in samples:
        shown = ",".join(f'{name}="{text.translate(ESCAPES)}"' for name, text in sorted(labels.items()))
        lines.append(f"{metric.prometheus}{{{shown}}} {value!r}")
    try:
        replace_file(path, "\n".join(lines) + "\n", mode=READABLE)  # its draft has another suffix
    except OSError as error:
        raise InvalidInput("--textfile", str(path), allowed="a file in a folder that can be written to") from error
