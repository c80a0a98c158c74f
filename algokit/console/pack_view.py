"""How large the zip will be, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from algokit.console.findings import print_finding
from algokit.console.quantities import plural, size
from algokit.console.streams import messages, print_warnings, results

if TYPE_CHECKING:
    from algokit.verbs import PackReport
    from algokit.verbs.trimming import TrimEffect
    from algokit.verbs.zipping import SizeForecast


def show_forecast(forecast: SizeForecast) -> None:
    """Say on stderr how large the zip will be, and warn where the challenge would not have taken it."""
    stream = messages()
    rounded = f", {forecast.trim_bits} mantissa bits rounded away" if forecast.trim_bits else ""
    limit = f"the challenge took {size(forecast.limit_bytes)}"
    stream.print(Text.assemble("forecast: ", (size(forecast.n_bytes), "bold"), rounded, (f" ({limit})", "dim")))
    if forecast.n_bytes > forecast.limit_bytes:
        advice = "--trim-bits with more bits" if forecast.trim_bits else "--trim-mantissa"
        print_warnings(stream, [f"larger than the challenge took; {advice} makes it smaller"])


def show_pack(report: PackReport) -> None:
    """Print where the zip is, its size and digest, what rounding changed, and what else there is to say about it."""
    stream = results()
    for finding in report.findings:
        print_finding(stream, finding, with_severity=True)
    stream.print(Text.assemble("zip written: ", (str(report.path), "bold")), soft_wrap=True)
    off = f"{100 * (report.forecast_bytes / report.n_bytes - 1):+.1f} %"
    n_files, digest = plural(report.n_files, "file"), report.sha256[:12]
    stream.print(f"  {n_files}, {size(report.n_bytes)} (forecast {off}), sha256 {digest}")
    if report.trim:
        stream.print(f"  {_change(report.trim)}", soft_wrap=True)
    for what, place in (("recorded in", report.card), ("provenance", report.provenance)):
        if place:
            stream.print(Text(f"  {what}: {place}", "dim"), soft_wrap=True)


def _change(effect: TrimEffect) -> str:
    kept = f"; {plural(effect.n_columns_kept, 'vertex')} left alone" if effect.n_columns_kept else ""
    measured = (
        f"no score changed by more than {effect.points:.1e} points"
        if effect.worst_pearson_r is None
        else f"1 - r with what was there is at most {1 - effect.worst_pearson_r:.1e}"
    )
    return f"{effect.n_bits} mantissa bits rounded away: {measured}{kept}"
