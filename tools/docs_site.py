"""For mkdocs: what the documents link to outside of docs/ becomes part of the site.

On a code host, `../examples/cpp/sample.cpp` in a document leads to the file. In the site it leads
to a page below `repository/`, with the text of the file, or the file as a page where it is
Markdown. So links are written once, as paths.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parent.parent
FOLDER = "repository"
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")
LANGUAGES = {".cpp": "cpp", ".h": "cpp", ".hpp": "cpp", ".def": "cpp", ".py": "python"}


def links(text: str) -> list[str]:
    return LINK.findall(text)


def place_in_site(path: str) -> str:
    """Where a file of the repository lies in the site; paths are relative to either's root."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return posixpath.join(FOLDER, path if path.endswith(".md") else path + ".md")


def with_links_of_site(text: str, path: str) -> str:
    """The text of a Markdown file at ``path``, with the links of the site."""
    here = posixpath.dirname(path)
    there = posixpath.dirname(place_in_site(path))

    def moved(match):
        target = posixpath.normpath(posixpath.join(here, match[0]))
        return posixpath.relpath(place_in_site(target), there or ".")

    return LINK.sub(moved, text)


def page(path: str) -> str:
    """The text of a file of the repository as Markdown."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return with_links_of_site(text, path)
    language = LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return f"# `{path}`\n\n```{language}\n{text}```\n"


def linked_files() -> list[str]:
    """Files outside of docs/ that documents link to, and that those link to."""
    found = []
    waiting = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md"))]
    while waiting:
        path = waiting.pop()
        for link in links((ROOT / path).read_text(encoding="utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            if target.startswith("docs/") or target in found:
                continue
            found.append(target)
            if target.endswith(".md"):
                waiting.append(target)
    return sorted(found)


# -- called by mkdocs ------------------------------------------------------------------------------


def on_files(files: Files, config) -> Files:
    for path in linked_files():
        place = place_in_site(path)
        files.append(
            File.generated(config, place, content=page(path), inclusion=InclusionLevel.NOT_IN_NAV)
        )
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    if page.file.src_uri.startswith(FOLDER + "/"):
        return markdown
    return with_links_of_site(markdown, "docs/" + page.file.src_uri)
