"""Edits catalogue files in place: values, repeated blocks and sources, and nothing else.

A file is parsed into spans of its text, so that comments, order and layout of everything that is not
edited stay as they are, byte for byte.
"""

import re
import textwrap

from calibration.common import UserError

_TOKEN = re.compile(r"""(?P<space>\s+|\#[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
                        |(?P<word>[A-Za-z_0-9.+-]+)|(?P<mark>[{}\[\]:,;<>])""", re.X)
_COLUMNS = 100


class Field:
    """One `name: value` or `name { ... }`: where it stands, and its value or the fields below."""

    def __init__(self, name, start):
        self.name, self.start = name, start
        self.end = start
        self.value = None  # (start, end) of a scalar or list
        self.fields = None  # of a block

    def all(self, name):
        return [field for field in self.fields if field.name == name]


class Document:
    """A textproto file that is edited by paths such as "scale_up.base_latency" or "rate[BF16].gemm"."""

    def __init__(self, text, name="textproto"):
        self.text, self.name = text, name
        self._parse()

    # Reading.

    def entry(self, kind, name):
        """The block `kind { name: "..." }`, or None."""
        for field in self._root.fields:
            if field.name == kind and self._scalar(field, "name") == name:
                return field
        return None

    def names(self, kind):
        return [self._scalar(field, "name") for field in self._root.fields if field.name == kind]

    def get(self, kind, name, path):
        """The scalar at `path` without quotes, or None where it is not written."""
        field = self._at(self._entry(kind, name), path)
        return None if field is None or field.value is None else self._plain(field.value)

    def blocks(self, kind, name, path):
        """The scalars of each of the repeated blocks at `path`, as dicts."""
        parent, last = self._parent(self._entry(kind, name), path)
        return [{f.name: self._plain(f.value) for f in field.fields if f.value}
                for field in (parent.all(last) if parent else [])]

    def sources(self, kind, name):
        """[(fields, text, estimate)] of an entry."""
        found = []
        for field in self._entry(kind, name).all("source"):
            text = "".join(self._plain(f.value) for f in field.all("text"))
            found.append((self._source_fields(field), text, self._scalar(field, "estimate") == "true"))
        return found

    # Editing.

    def set(self, kind, name, path, value):
        """Replaces the scalar at `path`, or adds it behind the last scalar of its block."""
        entry = self._entry(kind, name)
        field = self._at(entry, path)
        if field is not None:
            self._replace(*field.value, value)
            return
        parent, last = self._parent(entry, path)
        if parent is None:
            raise UserError(f"{self.name}: {kind} {name} has no block for {path}")
        behind = [f for f in parent.fields if f.value is not None and f.name != "source"]
        at = behind[-1].end if behind else self.text.index("{", parent.start) + 1
        line = self.text.rfind("\n", 0, behind[-1].start) + 1 if behind else -1
        first = self.text[line:behind[-1].start] if behind else ""
        glue = "\n" + first if behind and not first.strip() else " "
        self._replace(at, at, f"{glue}{last}: {value}")

    def set_blocks(self, kind, name, path, bodies):
        """Replaces all repeated blocks at `path`, two to a line, at the place of the first."""
        parent, last = self._parent(self._entry(kind, name), path)
        old = parent.all(last) if parent else []
        if not old:
            raise UserError(f"{self.name}: {kind} {name} has no {path} to replace")
        if any(f.name != last for f in parent.fields if old[0].start < f.start < old[-1].end):
            raise UserError(f"{self.name}: {kind} {name}: other fields stand between those of {path}")
        indent = self._indent(old[0].start)
        pairs = [bodies[i:i + 2] for i in range(0, len(bodies), 2)]
        text = ("\n" + indent).join(" ".join(f"{last} {{ {body} }}" for body in pair) for pair in pairs)
        self._replace(old[0].start, old[-1].end, text)

    def set_source(self, kind, name, fields, text, estimate=False):
        """Makes `text` the source of exactly `fields`; other sources lose them."""
        entry = self._entry(kind, name)
        same = [f for f in entry.all("source") if set(self._source_fields(f)) == set(fields)]
        block = source_block(fields, text, estimate)
        if same:
            self._replace(same[0].start, same[0].end, block)
            return
        place = self._entry(kind, name).all("source")
        anchor = next((i for i, f in enumerate(place) if set(self._source_fields(f)) & set(fields)),
                      max(len(place) - 1, 0))
        for source in reversed(place):
            old = self._source_fields(source)
            left = [f for f in old if f not in fields]
            if old and left != old:
                self._drop_source_fields(source, left)
                if not left and source is place[anchor]:
                    anchor -= 1
        place = self._entry(kind, name).all("source")
        at = place[anchor].end if 0 <= anchor < len(place) else (
            place[0].start if place else self._entry(kind, name).end - 2)
        glue = "\n  " + block if 0 <= anchor < len(place) else block + "\n  "
        self._replace(at, at, glue)

    def reparse(self):
        """After `text` was changed by hand."""
        self._parse()

    # Below this line: the parser.

    def _replace(self, start, end, text):
        self.text = self.text[:start] + text + self.text[end:]
        self._parse()

    def _drop_source_fields(self, source, left):
        if left:
            field = source.all("field")[0]
            self._replace(field.start, source.all("field")[-1].end, _field_list(left))
            return
        start = self.text.rfind("\n", 0, source.start)
        self._replace(start, source.end, "")

    def _entry(self, kind, name):
        entry = self.entry(kind, name)
        if entry is None:
            raise UserError(f"{self.name}: there is no {kind} {name!r}; there are "
                            f"{', '.join(self.names(kind)) or 'none'}")
        return entry

    def _parent(self, field, path):
        *above, last = path.split(".")
        for step in above:
            field = self._step(field, step)
            if field is None:
                return None, last
        return field, last

    def _at(self, field, path):
        parent, last = self._parent(field, path)
        return self._step(parent, last) if parent is not None else None

    def _step(self, field, step):
        match = re.fullmatch(r"(\w+)(?:\[(\w+)\])?", step)
        if field.fields is None or not match:
            return None
        for below in field.all(match[1]):
            if match[2] is None or self._scalar(below, "precision") == match[2]:
                return below
        return None

    def _scalar(self, field, name):
        found = field.all(name) if field.fields is not None else []
        return self._plain(found[0].value) if found and found[0].value else None

    def _source_fields(self, source):
        names = []
        for field in source.all("field"):
            names += [_unquoted(m.group()) for m in
                      re.finditer(r'"(?:\\.|[^"\\\n])*"', self.text[slice(*field.value)])]
        return names

    def _plain(self, span):
        text = self.text[slice(*span)]
        strings = [m.group("string") for m in _TOKEN.finditer(text) if m.group("string")]
        return "".join(_unquoted(s) for s in strings) if strings else text

    def _indent(self, at):
        start = self.text.rfind("\n", 0, at) + 1
        return self.text[start:at] if not self.text[start:at].strip() else "  "

    def _parse(self):
        tokens, at = [], 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if not match:
                line = self.text.count("\n", 0, at) + 1
                raise UserError(f"{self.name}:{line}: {self.text[at]!r} is not understood")
            if not match.group("space"):
                tokens.append((match.group(), match.start(), match.end()))
            at = match.end()
        self._tokens, self._next = tokens, 0
        self._root = Field("", 0)
        self._root.fields = self._fields(None)

    def _peek(self):
        return self._tokens[self._next][0] if self._next < len(self._tokens) else None

    def _take(self):
        if self._next >= len(self._tokens):
            raise UserError(f"{self.name}: ends within a block")
        self._next += 1
        return self._tokens[self._next - 1]

    def _fields(self, closing):
        fields = []
        while self._peek() != closing:
            word, start, _ = self._take()
            if not re.fullmatch(r"\w+", word):
                line = self.text.count("\n", 0, start) + 1
                raise UserError(f"{self.name}:{line}: {word!r} stands where a field was expected")
            fields.append(self._field(word, start))
            if self._peek() in (",", ";"):
                self._take()
        return fields

    def _field(self, word, start):
        field = Field(word, start)
        if self._peek() == ":":
            self._take()
        if self._peek() == "{":
            self._take()
            field.fields = self._fields("}")
            field.end = self._take()[2]
            return field
        token, first, end = self._take()
        if token == "[":
            while token != "]":
                token, _, end = self._take()
        while token[0] in "\"'" and (self._peek() or " ")[0] in "\"'":
            token, _, end = self._take()
        field.value = (first, end)
        field.end = end
        return field


def _unquoted(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _field_list(fields):
    names = [quoted(name) for name in fields]
    lines = textwrap.wrap(", ".join(names), _COLUMNS - len("    field: [") - 1,
                          break_long_words=False, break_on_hyphens=False)
    return "field: [" + "\n      ".join(lines) + "]"


def source_block(fields, text, estimate):
    escaped = quoted(" ".join(text.split()))[1:-1]
    pieces = textwrap.wrap(escaped, _COLUMNS - 9, break_long_words=False, break_on_hyphens=False)
    lines = [f'"{piece} "' for piece in pieces[:-1]] + [f'"{pieces[-1]}"']
    head = ["source {"] + (["  " + _field_list(fields)] if fields else []) + ["  text:"]
    lines = head + ["    " + line for line in lines]
    lines += ["  estimate: true"] if estimate else []
    return "\n  ".join(lines + ["}"])
