"""Counts texts in the memory of another process: `memory.py PID`, one text a line in hexadecimal on standard input, one count a line on
standard output. Ends with 77 where the kernel lets nobody look. Run by tests/it/memory.rs. Not here: what may be found."""

import re
import sys

REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r\S* \S+ \S+ \S+ *(.*)")


def main():
    process, wanted = sys.argv[1], [bytes.fromhex(line) for line in sys.stdin.read().split()]
    counts = [0] * len(wanted)
    try:
        memory = open(f"/proc/{process}/mem", "rb", buffering=0)
        regions = [match for match in map(REGION.match, open(f"/proc/{process}/maps")) if match]
    except PermissionError:
        sys.exit(77)
    for begin, end, name in (match.groups() for match in regions):
        # What the kernel shows there is its own.
        if name.startswith("[v"):
            continue
        memory.seek(int(begin, 16))
        try:
            held = memory.read(int(end, 16) - int(begin, 16))
        except OSError:
            # It was given back meanwhile.
            continue
        counts = [count + held.count(text) for count, text in zip(counts, wanted)]
    print("\n".join(map(str, counts)))


if __name__ == "__main__":
    main()
