"""The files of a catalogue, found by the entries in them."""

from pathlib import Path

from calibration.common import FileError, UserError, read_text
from calibration.textproto import Document

FOLDERS = ("topologies/catalog", "workloads/catalog")


class Catalogue:
    """All textproto files below the two folders of `root`. Saves only what was edited."""

    def __init__(self, root):
        self._documents, self._before = {}, {}
        for folder in FOLDERS:
            for path in sorted((Path(root) / folder).glob("*.textproto")):
                self._documents[path] = Document(read_text(path), str(path))
                self._before[path] = self._documents[path].text
        if not self._documents:
            raise UserError(f"{root} has no catalogue; expected the folders {' and '.join(FOLDERS)}")

    def document(self, kind, name):
        """The file that holds the entry."""
        for document in self._documents.values():
            if document.entry(kind, name) is not None:
                return document
        names = [n for d in self._documents.values() for n in d.names(kind)]
        raise UserError(f"the catalogue has no {kind} {name!r}; it has {', '.join(sorted(names))}")

    def names(self, kind):
        return [n for d in self._documents.values() for n in d.names(kind)]

    def get(self, kind, name, path):
        return self.document(kind, name).get(kind, name, path)

    def save(self):
        """Writes the files that changed; returns their paths."""
        changed = [p for p, d in self._documents.items() if d.text != self._before[p]]
        for path in changed:
            part = path.with_name(path.name + ".part")
            try:
                part.write_text(self._documents[path].text, encoding="utf-8")
                part.replace(path)
            except OSError as error:
                raise FileError(f"{path}: {error.strerror}") from None
            self._before[path] = self._documents[path].text
        return changed
