"""A process that records entries until it is killed, and says of each one that it was acknowledged."""

from __future__ import annotations

import sys

from her2cds.audit.log import AuditLog
from tests.audit.helpers import record


def main(url: str, who: str, size: int, entries: int) -> None:
    log = AuditLog.open(url)
    print("ready", flush=True)
    sys.stdin.readline()  # all writers start at once
    for _ in range(entries):
        entry = record(log, who, '{"note": "' + "x" * size + '"}')
        sys.stdout.write(f"{entry.number} {entry.entry_hash}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
