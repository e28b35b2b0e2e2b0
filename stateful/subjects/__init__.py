"""The built-in subjects: name and module. ``reference`` is ``gateway_status.status``."""

from __future__ import annotations

from typing import Final

BUILT_IN: Final = {
    "foreign-guard": "foreign_guard",
    "direct-unlink": "direct_unlink",
    "guarded-lock": "guarded_lock",
    "unlinked-lock": "unlinked_lock",
}
