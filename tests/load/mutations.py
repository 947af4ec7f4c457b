"""Mutated files of every format that the app reads, and what reading them may and may not do.

python -m tests.load.mutations 10000 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass

import psutil

from stylecore.errors import StyleTransferError
from tests.load.bases import Reader, make_bases
from tests.load.clip_bases import clip_bases

LONGEST_S = 2.0  # of processor time, for one file
MOST_MEGABYTES = 600  # of resident memory above the start
MEGABYTE = 2**20


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a file as damage and malice do: bits, bytes, numbers at their ends, cuts, doubled parts."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        end = min(len(changed), chance.choice((64, 600, len(changed), len(changed))))  # headers more often
        place = chance.randrange(max(1, end))
        kind = chance.choice((0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6))  # what shifts the rest is less often
        if kind == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[place] = chance.randrange(256)
        elif kind == 2:
            number = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            changed[place : place + 4] = number.to_bytes(4, chance.choice(("little", "big")))
        elif kind == 3:
            del changed[place : place + chance.choice((1, 4, 100))]
        elif kind == 4:
            changed[place:place] = chance.randbytes(chance.choice((1, 4, 100)))
        elif kind == 5:
            changed[place:place] = changed[place : place + chance.choice((8, 200))]
        else:
            del changed[max(16, chance.randrange(len(changed) + 1)) :]
        if len(changed) < 16:
            break
    return bytes(changed)


@dataclass
class Fuzzing:
    """Reads files, and notes what must not happen.

    Attributes:
        read: Files that gave a picture, style or look.
        refused: Files that gave an error of our own.
        faults: What else happened, with the name and the mutation.
        slowest_s: Longest processor time of a file.
        most_mb: Largest resident memory above the start.
    """

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0

    def __post_init__(self) -> None:
        self.faults: list[str] = []
        self._process = psutil.Process()
        self._start = self._process.memory_info().rss

    def check(self, name: str, data: bytes, reader: Reader, label: object) -> None:
        """Read one file."""
        began = time.process_time()
        try:
            reader(data)
            self.read += 1
        except StyleTransferError as error:
            self.refused += 1
            if label == "unchanged" or "\n" in str(error) or len(str(error)) > 400:
                self.faults.append(f"{name} {label}: {error}")
        except Exception as error:
            self.faults.append(f"{name} {label}: {type(error).__name__}: {error}")
        seconds = time.process_time() - began
        size = (self._process.memory_info().rss - self._start) / MEGABYTE
        self.slowest_s, self.most_mb = max(seconds, self.slowest_s), max(size, self.most_mb)
        if seconds > LONGEST_S:
            self.faults.append(f"{name} {label}: {seconds:.1f} s")
        if size > MOST_MEGABYTES:
            self.faults.append(f"{name} {label}: {size:.0f} MB")


def fuzz(files: int, seed: int) -> Fuzzing:
    """Read the sound files, and then so many mutated ones, of all formats in turn."""
    bases, fuzzing = [*make_bases(), *clip_bases()], Fuzzing()
    for base in bases:
        fuzzing.check(*base, "unchanged")
    for number in range(files):
        name, data, reader = bases[number % len(bases)]
        mutated = mutate(data, random.Random(f"{seed} {number}"))
        fuzzing.check(name, mutated, reader, (seed, number))
    return fuzzing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=int)
    parser.add_argument("--seed", type=int, default=0)
    fuzzing = fuzz(**vars(parser.parse_args()))
    sys.stdout.write(json.dumps(found(fuzzing), indent=2) + "\n")


def found(fuzzing: Fuzzing) -> dict[str, object]:
    """What was found, as plain data."""
    return {
        "read": fuzzing.read,
        "refused": fuzzing.refused,
        "slowest_s": round(fuzzing.slowest_s, 2),
        "most_mb": round(fuzzing.most_mb),
        "faults": fuzzing.faults,
    }


if __name__ == "__main__":
    main()
