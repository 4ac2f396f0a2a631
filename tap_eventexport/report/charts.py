"""The charts of a report, as figures of Plotly."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from plotly import graph_objects

from tap_eventexport.report.events import EARLIER, LAGS, LATER, Counted

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEK = timedelta(days=7)
MOST_WEEKS, MOST_PARTS = (
    53,
    4,
)  # weeks in a part of a calendar, and parts; earlier weeks aren't drawn
MOST_WEEKS_WITH_NUMBERS = 25
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MISSING = "\N{MULTIPLICATION SIGN}"  # in every font
INK = "#1a1a1a"
LAYOUT = {
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
    "paper_bgcolor": "white",
    "plot_bgcolor": "white",
    "hoverlabel": {"font": {"size": 13}},
    "showlegend": False,
}


def calendar(counted: Counted) -> list[graph_objects.Figure]:
    """Make heat maps of events per day, one for each year; a column is a week, a row a weekday."""
    weeks = shown_weeks(counted)
    return [_part(counted, weeks[at : at + MOST_WEEKS]) for at in range(0, len(weeks), MOST_WEEKS)]


def _part(counted: Counted, weeks: Sequence[date]) -> graph_objects.Figure:
    has_numbers = len(shown_weeks(counted)) <= MOST_WEEKS_WITH_NUMBERS
    width, height = (42, 28) if has_numbers else (18, 18)
    counts = [[counted.days.get(week + timedelta(row)) for week in weeks] for row in range(7)]
    tooltips = [[_tooltip(week + timedelta(row), counted) for week in weeks] for row in range(7)]
    numbers = {"texttemplate": "%{z:.3~s}", "textfont": {"size": 12}} if has_numbers else {}
    figure = graph_objects.Figure(
        graph_objects.Heatmap(
            z=counts,
            y=WEEKDAYS,
            customdata=tooltips,
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            colorscale="Cividis_r",
            zmin=0,
            zmax=max(counted.days.values()),
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "events"}, "thickness": 14, "nticks": 5},
            **numbers,
        )
    )
    missing = _missing(counted, weeks)
    figure.add_scatter(
        x=[(day - weeks[0]) // WEEK for day in missing],
        y=[WEEKDAYS[day.weekday()] for day in missing],
        mode="markers+text",
        text=[MISSING] * len(missing),
        textfont={"size": 18 if has_numbers else 12, "color": INK},
        marker={
            "symbol": "square-open",
            "size": min(width, height) - 5,
            "color": INK,
            "line": {"width": 1.5},
        },
        customdata=[_tooltip(day, counted) for day in missing],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(
        LAYOUT,
        width=width * len(weeks) + 140,
        height=height * 7 + 80,
        margin={"l": 40, "r": 100, "t": 10, "b": 70},
    )
    figure.update_xaxes(
        _ticks(weeks, has_days=has_numbers),
        range=[-0.5, len(weeks) - 0.5],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        tickangle=0,
    )
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=WEEKDAYS,
        range=[6.5, -0.5],
        fixedrange=True,
        showgrid=False,
    )
    return figure


def arrivals(counted: Counted) -> graph_objects.Figure:
    """Make a bar chart of events by their delay of arrival."""
    names = [*LAGS, LATER]
    if EARLIER in counted.arrivals:
        names.append(EARLIER)
    events = [counted.arrivals.get(name, 0) for name in names]
    figure = graph_objects.Figure(
        graph_objects.Bar(
            x=events,
            y=names,
            orientation="h",
            marker={"color": "#575d6d", "line": {"color": INK, "width": 1}},
            text=[f"{number:,} ({number / sum(events):.1%})" for number in events],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_layout(
        LAYOUT,
        width=480,
        height=34 * len(names) + 20,
        margin={"l": 130, "r": 110, "t": 10, "b": 10},
        bargap=0.3,
    )
    figure.update_xaxes(visible=False, fixedrange=True, rangemode="tozero")
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return figure


def shown_weeks(counted: Counted) -> list[date]:
    """Return the Mondays of the weeks that a calendar shows."""
    first, last = (_monday(day) for day in (min(counted.days), max(counted.days)))
    number = min((last - first) // WEEK + 1, MOST_WEEKS * MOST_PARTS)
    return [last - WEEK * back for back in reversed(range(number))]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _missing(counted: Counted, weeks: Sequence[date]) -> list[date]:
    return [
        gap.first + timedelta(number)
        for gap in counted.gaps
        for number in range(gap.days)
        if weeks[0] <= gap.first + timedelta(number) < weeks[-1] + WEEK
    ]


def _tooltip(day: date, counted: Counted) -> str:
    events = counted.days.get(day, 0)
    return f"{WEEKDAYS[day.weekday()]} {day}: {f'{events:,}' if events else 'no'} events"


def _ticks(weeks: Sequence[date], *, has_days: bool) -> dict[str, list[int] | list[str]]:
    """Label each Monday with its day if there is room, and the first week of each month."""
    positions, texts = [], []
    for position, week in enumerate(weeks):
        is_first = position == 0
        if is_first or week.day <= WEEK.days:
            month = f"{week:%b}<br>{week.year}" if is_first or week.month == 1 else f"{week:%b}"
        elif has_days:
            month = ""
        else:
            continue
        positions.append(position)
        texts.append(f"{week.day}<br>{month}" if has_days else month)
    return {"tickvals": positions, "ticktext": texts}
