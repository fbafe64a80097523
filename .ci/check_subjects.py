"""Checks the messages of commits: `area: imperative, one idea`, and a body that gives the reason.

Without arguments, of the commits since BASE, where the rule began; with `--file PATH`, of the message in a file, as git
gives it to the hook `commit-msg`. Exit status 1 if a message breaks the rule.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BASE = "220b45b"
LONGEST = 72
# Changes whose subject is reason enough.
TRIVIAL = re.compile(r"(?:release|spelling|typo)s?\b", re.IGNORECASE)
# What git itself writes.
BY_GIT = re.compile(r"(?:Merge|Revert|fixup!|squash!) ?")
NO_IMPERATIVE = re.compile(r"(?:an?|each|every|no|one|the|its|\w+(?:ed|ing))\b", re.IGNORECASE)
IMPERATIVES = {"embed", "feed", "need", "seed", "speed", "bring", "ring", "string"}


def faults(message: str) -> list[str]:
    """Return what is wrong with a message."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    text = "\n".join(lines).strip()
    subject, _, body = text.partition("\n")
    if BY_GIT.match(subject):
        return []
    found = []
    area, separator, change = subject.partition(": ")
    if not separator or not area or " and " in area or not change:
        found.append("the subject is not `area: what changes`")
    first = change.partition(" ")[0]
    if NO_IMPERATIVE.fullmatch(first) and first not in IMPERATIVES:
        found.append(f"{first!r} is no imperative")
    if ";" in subject or ", and " in subject:
        found.append("the subject has more than one idea")
    if len(subject) > LONGEST:
        found.append(f"the subject has {len(subject)} characters, and {LONGEST} are the most")
    if body and not body.startswith("\n"):
        found.append("an empty line goes below the subject")
    if not body.strip() and not TRIVIAL.search(change):
        found.append("the body has no reason")
    return found


def messages() -> list[str]:
    """Return the messages of the commits since BASE; none if this is no repository that has it."""
    command = ["git", "log", "-z", "--no-merges", "--format=%B", f"{BASE}..HEAD"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"Skipped: {ran.stderr.strip()}")
        return []
    return [each for each in ran.stdout.split("\0") if each.strip()]


def main(arguments: list[str]) -> int:
    checked = [Path(arguments[1]).read_text()] if arguments[:1] == ["--file"] else messages()
    wrong = [(each.strip().partition("\n")[0], fault) for each in checked for fault in faults(each)]
    for subject, fault in wrong:
        print(f"{subject}: {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
