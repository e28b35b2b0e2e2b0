"""Escapes non-printable characters, so that names and errors of a subject keep to one line of a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text with its non-printable characters escaped, as repr does."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
