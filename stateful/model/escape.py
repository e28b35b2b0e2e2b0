"""Text that stays in its line and leaves a terminal alone, whatever a subject calls its files or errors."""

from __future__ import annotations


def visible(text: str) -> str:
    """A text with all that cannot be seen in it spelt out, as repr does."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
