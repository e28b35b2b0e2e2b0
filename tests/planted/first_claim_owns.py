"""Broken where a folder does not list its names sorted: the claim that is listed first owns."""

import os
from pathlib import Path


def gateway(home: Path, serve):
    (home / "claims").mkdir(exist_ok=True)
    for number in range(9):
        try:
            os.mkdir(home / "claims" / str(number))
            break
        except FileExistsError:
            pass
    if os.listdir(home / "claims")[0] == str(number):
        serve()


not_offered = dict.fromkeys(("a_dead_owner_can_be_replaced", "an_end_leaves_the_home_free"), "a claim stays")
