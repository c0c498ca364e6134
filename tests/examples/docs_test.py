#!/usr/bin/env python3
"""What the documents say of commands and of each other: every command that a page shows has a name and options
that the program knows, and every link leads to a file and to a heading of it.

usage: docs_test.py GRIDLOCK          names, options and links
       docs_test.py GRIDLOCK --run    also runs the commands of the pages that no other test runs
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from examples_test import ROOT, program, verdict

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.M | re.S)
INDENTED = re.compile(r"(?:^    \S.*\n(?:^ {4,}\S.*\n)*)", re.M)
# Words that stand for something of the reader's.
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b(?!\.h5)|\.\.\.|(?<!-o )\bout/|/nowhere")
# Takes minutes; `gridlock build` of the planner's guide is smaller, and is run.
TOO_LONG = ("gridlock build --power '150 MW'",)
# Blocks of these pages are run by examples_test.py and guides_test.py; examples of --help (commands.md) name
# files of the reader.
RUN_ELSEWHERE = {"README.md", "AGENTS.md", "sweeps.md", "collectives.md", "tutorial.md", "guide_researcher.md",
                 "guide_planner.md", "pages.md", "python.md", "gallery.md", "commands.md"}


def pages():
    found = [ROOT / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md")]
    return found + sorted((ROOT / "docs").glob("*.md")) + sorted(ROOT.glob("examples/*/README.md"))


def slug(heading):
    """The anchor that a heading has on the usual hosts."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().replace("`", ""))
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def check_document_links(texts):
    problems = []
    anchors = {path: {slug(h) for h in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)} for path, text in texts.items()}
    for path, text in texts.items():
        for target in LINK.findall(FENCE.sub("", text)):
            if re.match(r"https?:|mailto:", target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            if not there.exists():
                problems.append(f"{path.name}: no file {target}")
            elif anchor and there in anchors and anchor not in anchors[there]:
                problems.append(f"{path.name}: no heading {target}")
    return problems


def commands_in(text):
    """(command, whether it stands in a block): lines of blocks, and what stands in backquotes."""
    blocks = [body for _, body in FENCE.findall(text)] + INDENTED.findall(FENCE.sub("", text))
    for block in blocks:
        joined = re.sub(r"\\\n\s*", " ", block)
        for line in joined.splitlines():
            line = re.sub(r"^\s*(?:\$ )?", "", line)
            if line.startswith("gridlock "):
                yield line, True
    for words in re.findall(r"`(gridlock [^`]+)`", FENCE.sub("", text)):
        yield words, False


class Help:
    """What --help says, asked once for each command."""

    def __init__(self, gridlock):
        self._gridlock, self._texts = gridlock, {}

    def of(self, *names):
        if names not in self._texts:
            done = program.run([self._gridlock, *names, "--help"], check=True, capture_output=True, text=True)
            self._texts[names] = done.stdout
        return self._texts[names]

    def subcommands(self, *names):
        part = re.search(r"^Subcommands:\n(.*?)(?:^\S|\Z|^$)", self.of(*names), re.M | re.S)
        return set(re.findall(r"^  ([a-z-]+) ", part[1], re.M)) if part else set()

    def options(self, *names):
        heads = re.findall(r"^ {1,4}(-[^\s].*)$", self.of(*names), re.M)
        return {word for head in heads for word in re.findall(r"--?[a-zA-Z][\w-]*", head.split("  ")[0])}


def wrong_words(command, known):
    """What the program does not know of a command."""
    text = re.split(r"\s[|>&]|\s#|;\s", command)[0]
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        words = text.split()[1:]
    if not words or not re.fullmatch(r"[a-z-]+", words[0]):
        return []
    if words[0].startswith("--"):
        return [w for w in words if w.startswith("--") and w not in known.options() | {"--help", "--version"}]
    if words[0] not in known.subcommands():
        return [words[0]]
    names = [words[0]]
    if len(words) > 1 and words[1] in known.subcommands(words[0]):
        names.append(words[1])
    options = known.options(*names) | known.options(names[0]) | {"--help"}
    given = [w.split("=")[0] for w in words if re.match(r"--?[a-zA-Z]", w)]
    return [w for w in given if w not in options]


def can_run(command):
    if command.startswith(TOO_LONG):
        return False
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", command)
    if PLACEHOLDER.search(re.sub(r"&& gridlock explain out/\w+", "", bare)):
        return False
    files = re.findall(r"[\w./-]+\.(?:textproto|csv|log|yml|jsonl?|toml|pb)\b", command)
    return all((ROOT / file).exists() for file in files)


def run(gridlock, command, folder):
    # The program goes by its plain name, as in the pages.
    env = {**os.environ, "PATH": f"{os.path.dirname(gridlock)}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"rc {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"


def check_reference(gridlock):
    """The page of commands is what the program says of itself."""
    made = program.run([gridlock, "schema", "--commands"], capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    return [] if page == made else ["docs/commands.md is not fresh: gridlock schema --commands > docs/commands.md"]


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    gridlock, known = os.path.abspath(arguments[0]), Help(os.path.abspath(arguments[0]))
    texts = {path: path.read_text(encoding="utf-8") for path in pages()}
    problems, count, tried = check_document_links(texts) + check_reference(gridlock), 0, set()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "workloads", "docs", "tests"):
            os.symlink(ROOT / name, os.path.join(folder, name))
        for path, text in texts.items():
            for command, in_block in commands_in(text):
                count += 1
                wrong = wrong_words(command, known)
                problems += [f"{path.name}: {command[:90]}: the program does not know {word}" for word in wrong]
                if "--run" in arguments and in_block and path.name not in RUN_ELSEWHERE and can_run(command) and command not in tried:
                    tried.add(command)
                    failed = run(gridlock, command, folder)
                    problems += [f"{path.name}: {command[:90]}: {failed}"] if failed else []
    if count < 300:
        problems.append(f"only {count} commands in the documents: were they found?")
    return verdict(problems, f": {count} commands, {len(tried)} run")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
