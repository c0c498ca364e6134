#!/usr/bin/env python3
"""The style guide as a test. Standard library only.

usage: tidy_test.py [ROOT]         checks the tree
       tidy_test.py --self-test    plants each kind of violation in a copy and expects it to be found

Who may include whom stands in the table of rooms in ARCHITECTURE.md; it is read from there.
"""

import collections
import functools
import re
import shutil
import sys
import tempfile
from pathlib import Path

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FOLDERS = ["sim", "topologies", "workloads", "proto", "tools", "tests", "examples", ".ci"]
CODE = ("sim", "topologies", "workloads", "proto", "tools", "tests")
TEXT = {".cpp", ".h", ".proto", ".py", ".sh", ".md", ".txt", ".cmake", ".textproto", ".in"}
MARKER = "TO" + "DO"


def files(root, folders=CODE, endings=(".cpp", ".h")):
    """Files below the folders, as paths relative to the root, in a fixed order."""
    found = []
    for folder in folders:
        found += [p.relative_to(root) for p in (root / folder).rglob("*") if p.suffix in endings]
    return sorted(found)


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=None)
def blank(text, line_comment=r"//[^\n]*|/\*.*?\*/", quotes="\"'"):
    """The text with comments and literals replaced by spaces; lines stay where they are."""
    literals = "|".join(rf"{q}(?:\\.|[^{q}\\\n])*{q}" for q in quotes)
    raw = r'R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"'
    pattern = re.compile(f"{line_comment}|{raw}|(?<![0-9a-fA-F]){literals}", re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


# Rooms and the dependency rule.

def table_of_rooms(root):
    """{room: (rooms it may include, prefixes that it may include of those few rooms may)}."""
    rooms = {}
    for line in read(root, "ARCHITECTURE.md").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            names = [re.findall(r"`([^`]+)`", c) for c in cells]
            rooms[names[0][0]] = (names[2], names[3])
    return rooms


def room_of(path, rooms):
    """The longest room name that the path lies in."""
    return max((r for r in rooms if path.startswith(r + "/")), key=len, default=None)


def check_includes(root):
    rooms = table_of_rooms(root)
    if len(rooms) < 10:
        return ["ARCHITECTURE.md: the table of rooms was not found"]
    guarded = {prefix for _, own in rooms.values() for prefix in own}
    problems = []
    for path in files(root):
        room = room_of(str(path), rooms)
        if path.parts[0] == "tests":
            continue
        if room is None:
            problems.append(f"{path}: lies in no room of the table in ARCHITECTURE.md")
            continue
        allowed, own = rooms[room]
        for number, line in enumerate(read(root, path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+(["<])([^">]+)', line)
            if not match:
                continue
            quote, name = match.groups()
            prefix = max((g for g in guarded if name.startswith(g) or name.endswith(g)), key=len,
                         default=None)
            if prefix is not None and prefix not in own:
                problems.append(f"{path}:{number}: {room} may not include {name}")
            elif quote == '"' and prefix is None:
                target = room_of(name, rooms)
                if target != room and target not in allowed:
                    problems.append(f"{path}:{number}: {room} may not include {name}")
    return problems


def check_links(root):
    """The link lines of a room name no other rooms than its includes may."""
    rooms = table_of_rooms(root)
    problems = []
    for room, (allowed, _) in rooms.items():
        file = Path(room) / "CMakeLists.txt"
        names = {Path(r).name for r in allowed}
        for name in re.findall(r"gridlock(?:::|_)(\w+)", read(root, file)):
            if name in {Path(r).name for r in rooms} - names - {Path(room).name}:
                problems.append(f"{file}: {room} may not link {name}")
    return problems


# Sizes.

def check_columns(root):
    problems = []
    for path in files(root, endings=(".cpp", ".h", ".proto")):
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                problems.append(f"{path}:{number}: {len(line)} columns, at most {COLUMNS_MAX}")
    return problems


def functions(text):
    """(first line, number of lines) of each function: a block after a ")" that no function holds."""
    text = blank(text)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text,
                  flags=re.M)
    stack, head = [], 0  # head: where the current declaration begins
    for match in re.finditer(r"[{};]", text):
        at = match.start()
        if match.group() == "{":
            declaration = text[head:at]
            inside = any(kind == "function" for kind, _ in stack)
            scope = re.search(r"\b(namespace|class|struct|union|enum)\b[^()]*$", declaration)
            kind = "function" if not inside and not scope and ")" in declaration else "block"
            start = head + len(declaration) - len(declaration.lstrip())
            stack.append((kind, text.count("\n", 0, start) + 1))
        elif match.group() == "}" and stack:
            kind, first = stack.pop()
            if kind == "function":
                yield first, text.count("\n", 0, at) + 2 - first
        head = at + 1


def check_functions(root):
    return [f"{path}:{first}: function of {lines} lines, at most {FUNCTION_LINES_MAX}"
            for path in files(root)
            for first, lines in functions(read(root, path)) if lines > FUNCTION_LINES_MAX]


def check_types(root):
    """A type has a name of its own: two of one name in two headers are one to the linker, and a program that
    has both runs the constructors of either."""
    homes = {}
    for path in files(root, endings=(".h",)):
        for name in re.findall(r"^(?:struct|class|enum(?: class)?)\s+(\w+)(?:\s+final)?\s*(?::[^{;]*)?\{",
                               blank(read(root, path)), re.M):
            homes.setdefault(name, []).append(str(path))
    return [f"{paths[1]}: {name} is also a type of {paths[0]}" for name, paths in sorted(homes.items())
            if len(paths) > 1]


def check_classes(root):
    """A class is defined in one file: what does not fit there is an object of its own."""
    homes = {}
    for path in files(root, ("sim", "topologies", "workloads", "tools"), (".cpp",)):
        for head in re.findall(r"^[A-Za-z][^\n;={]*?\(", blank(read(root, path)), re.M):
            owner = re.search(r"((?:\w+::)*[A-Z]\w*)::~?\w+\s*\($", head)
            if owner:
                homes.setdefault(owner[1], set()).add(str(path))
    return [f"{sorted(paths)[1]}: {name} is also defined in {sorted(paths)[0]}"
            for name, paths in sorted(homes.items()) if len(paths) > 1]


def check_files(root):
    problems = []
    for path in files(root, endings=(".cpp", ".h", ".proto", ".py")):
        lines = read(root, path).count("\n")
        if lines > FILE_LINES_MAX:
            problems.append(f"{path}: {lines} lines, at most {FILE_LINES_MAX}")
    return problems


# Things that are missing or left behind.

def check_markers(root):
    paths = [p for p in files(root, FOLDERS, TEXT) if p.parts[:2] != ("tests", "fixtures")]
    paths += [p.relative_to(root) for p in root.glob("*") if p.suffix in {".md", ".txt"}]
    return [f"{path}:{number}: {MARKER}" for path in paths
            for number, line in enumerate(read(root, path).splitlines(), 1) if MARKER in line]


def check_listed(root):
    """Every source file stands in the CMakeLists.txt of its folder; every header is included."""
    problems = []
    sources = files(root)
    included = {name for path in sources
                for name in re.findall(r'#\s*include\s+"([^"]+)"', read(root, path))}
    for path in sources:
        if path.suffix == ".h":
            if str(path) not in included:
                problems.append(f"{path}: no file includes it")
            continue
        folder = path.parent
        while not (root / folder / "CMakeLists.txt").exists():
            folder = folder.parent
        name = path.relative_to(folder)
        listed = re.sub(r"#[^\n]*", "", read(root, folder / "CMakeLists.txt"))
        if not re.search(rf"(?<![\w./]){re.escape(str(name))}(?![\w.])", listed):
            problems.append(f"{path}: not listed in {folder / 'CMakeLists.txt'}")
    return problems


def check_examples(root):
    return [f"{folder.relative_to(root)}: no {name}"
            for folder in sorted((root / "examples").iterdir())
            if folder.is_dir() and folder.name[0].isdigit()
            for name in ("sweep.textproto", "README.md") if not (folder / name).exists()]


def check_sources(root):
    """Every catalogue entry has a source block with a text."""
    problems = []
    for path in files(root, endings=(".textproto",)):
        if path.parent.name != "catalog" or path.parts[0] == "tests":
            continue
        text = read(root, path)
        bare = blank(text, line_comment=r"#[^\n]*", quotes='"')
        depth, entry, sourced = 0, 0, False
        for match in re.finditer(r"(\w+)\s*:?\s*\{|\}", bare):
            if match.group() != "}":
                if depth == 0:
                    entry, sourced = match.start(), False
                elif depth == 1 and match.group(1) == "source":
                    sourced = sourced or bool(re.match(r'[^}]*?text:\s*"[^"]', text[match.end():]))
                depth += 1
                continue
            depth -= 1
            if depth == 0 and not sourced:
                line = text.count("\n", 0, entry) + 1
                problems.append(f"{path}:{line}: a catalogue entry without a source")
    return problems


def check_called(root):
    """Functions of test programs in Python that nothing calls: a check that a list has lost."""
    texts = {path: read(root, path) for path in files(root, ("tests", "tools"), (".py",))}
    words = {path: re.findall(r"\w+", text) for path, text in texts.items()}
    everywhere = collections.Counter(word for found in words.values() for word in set(found))
    problems = []
    for path, text in texts.items():
        here = collections.Counter(words[path])
        for match in re.finditer(r"^def (\w+)", text, re.M):
            if here[match[1]] == 1 and everywhere[match[1]] == 1:
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: nothing calls {match[1]}")
    return problems


def check_mentions(root):
    """"Battery in proto/facts.proto": the message or choice that a comment or a page names stands in that file."""
    problems = []
    for path in [*files(root), *(p.relative_to(root) for p in root.glob("*.md"))]:
        for match in re.finditer(r"([A-Z][A-Za-z]+)`? in\s+(?:///? )?(proto/\w+\.proto)", read(root, path)):
            schema = root / match[2]
            if not schema.exists() or not re.search(rf"^(?:message|enum) {match[1]}\b", read(root, match[2]), re.M):
                problems.append(f"{path}: there is no {match[1]} in {match[2]}")
    return problems


CHECKS = [check_includes, check_links, check_columns, check_functions, check_types, check_classes, check_files, check_markers,
          check_listed, check_examples, check_sources, check_called, check_mentions]


# What each check must find: the file that is written, its text, and the check. A text of None
# removes the file; one that begins with + is added to the end.
LONG_BODY = "int Long() {\n" + "  // why\n" * FUNCTION_LINES_MAX + "  return 1;\n}\n"
PLANTS = [
    (check_includes, "topologies/planted.cpp", '#include "sim/engine/agent.h"\n'),
    (check_includes, "sim/base/check.cpp", '+#include "topologies/machine.h"\n'),
    (check_includes, "sim/plan/planted.h", "#include <simgrid/s4u.hpp>\n"),
    (check_includes, "sim/report/planted.cpp", "#include <hdf5.h>\n"),
    (check_includes, "sim/report/planted.cpp", "#include <hdf5_hl.h>\n"),
    (check_includes, "sim/study/planted.cpp", '#include "proto/scenario.pb.h"\n'),
    (check_includes, "tools/run.cpp", "+#include <google/protobuf/message.h>\n"),
    (check_includes, "workloads/planted.cpp", "#include <boost/graph/adjacency_list.hpp>\n"),
    (check_includes, "sim/planted/new_room.cpp", "\n"),
    (check_links, "workloads/CMakeLists.txt",
     "+target_link_libraries(gridlock_workloads PUBLIC gridlock::engine)\n"),
    (check_columns, "workloads/planted.h", "// " + "x" * (COLUMNS_MAX - 2) + "\n"),
    (check_columns, "proto/planted.proto", "// " + "x" * (COLUMNS_MAX - 2) + "\n"),
    (check_functions, "tools/planted.cpp", "namespace gridlock {\n" + LONG_BODY + "}\n"),
    (check_functions, "tools/planted.cpp",
     "class A {\n" + LONG_BODY.replace("Long()", "Long(char c = '{') const") + "};\n"),
    (check_types, "sim/report/planted.h", "namespace gridlock {\nstruct WrittenValue {\n  int a;\n};\n}\n"),
    (check_classes, "sim/cluster/planted.cpp", "namespace gridlock {\nLifeRecord Cluster::Planted() {}\n}\n"),
    (check_files, "tests/planted.h", "\n" * (FILE_LINES_MAX + 1)),
    (check_markers, "tools/planted.sh", f"# {MARKER}: later\n"),
    (check_markers, "README.md", f"+{MARKER}\n"),
    (check_listed, "sim/measure/planted.cpp", "\n"),
    (check_listed, "tests/config/planted.cpp", "\n"),
    (check_listed, "workloads/planted.h", "#pragma once\n"),
    (check_examples, "examples/01-two-servers/README.md", None),
    (check_examples, "examples/99-planted/README.md", "# Planted\n"),
    (check_sources, "topologies/catalog/planted.textproto",
     'switch {\n  name: "x { source"\n  # source { text: "in a comment" }\n  port { a: 1 }\n}\n'),
    (check_sources, "workloads/catalog/planted.textproto",
     'model {\n  name: "x"\n  source { text: "" }\n}\n'),
    (check_mentions, "topologies/planted.h", "/// See Battery in proto/" + "scenario.proto.\n"),
    (check_called, "tests/tools/planted.py", "def planted_" + "check():\n    pass\n"),
]


def plant(root, path, text):
    """Writes a planted file; returns what takes it back."""
    file = root / path
    before = file.read_text(encoding="utf-8") if file.exists() else None
    new_folder = None if file.parent.exists() else file.parent
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        file.unlink()
    else:
        added = text.startswith("+")
        file.write_text((before if added else "") + text[1 if added else 0:], encoding="utf-8")

    def take_back():
        if before is None:
            file.unlink()
        else:
            file.write_text(before, encoding="utf-8")
        if new_folder is not None:
            new_folder.rmdir()

    return take_back


def self_test(root):
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in FOLDERS:
            shutil.copytree(root / name, copy / name)
        for file in root.glob("*.md"):
            shutil.copy(file, copy)
        before = {check: set(check(copy)) for check in CHECKS}
        for check, path, text in PLANTS:
            take_back = plant(copy, path, text)
            if not set(check(copy)) - before[check]:
                missed.append(f"{check.__name__} does not see {path}: {str(text)[:60]!r}")
            take_back()
        missed += [f"not all was taken back: {check.__name__}" for check in CHECKS if set(check(copy)) != before[check]]
    untried = [c.__name__ for c in CHECKS if c not in {check for check, _, _ in PLANTS}]
    return missed + [f"nothing is planted for {name}" for name in untried]


def main(arguments):
    root = Path(__file__).resolve().parent.parent
    if arguments == ["--self-test"]:
        problems = self_test(root)
    else:
        root = Path(arguments[0]) if arguments else root
        problems = [problem for check in CHECKS for problem in check(root)]
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems" if problems else "PASS")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
