"""A duration in words: one form for messages, pages and tables."""

from __future__ import annotations


def duration_in_words(seconds: float, *, in_minutes: bool = False) -> str:
    """Returns a duration in the largest unit of which there are at least two: "90 seconds", "5 minutes", "30 days".

    notebook/panel/view.js rounds hours and days in the same way.

    Args:
        seconds: The duration; below zero it counts as zero.
        in_minutes: Whether to round to minutes even below two minutes, as for the time until an expiry.
    """
    if seconds < 120 and not in_minutes:
        size, unit = 1, "second"
    elif seconds < 7200:
        size, unit = 60, "minute"
    elif seconds < 172_800:
        size, unit = 3600, "hour"
    else:
        size, unit = 86_400, "day"
    count = max(0, round(seconds / size))
    return f"{count} {unit}{'' if count == 1 else 's'}"
