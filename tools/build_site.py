"""Build the documentation site into `site/`.

    python tools/build_site.py

The pages are `docs/`, the results, the tutorials (notebooks in `examples/`), the help of every command, and a
reference of every public name from the docstrings. Any broken link, anchor or public name without an entry fails the
build. Needs `pip install '.[site]'`.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zlib import decompress

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "site"
SITE = ROOT / "site"
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
MOVED = {"../results/README.md": "results.md", "README.md": "index.md", "../CHANGELOG.md": "changelog.md"}
MOVED |= {f"../examples/{path.name}": f"tutorials/{path.stem}.md" for path in NOTEBOOKS}
PACKAGES = [
    "beliefnet",
    *(
        f"beliefnet.{path.parent.name}"
        for path in sorted((ROOT / "beliefnet").glob("*/__init__.py"))
        if path.parent.name not in ("bench", "cli")  # commands
    ),
]


def relinked(page: str, kept: set[str]) -> str:
    """Point links at the site's own pages; what the site does not have, such as records of runs, loses its link."""

    def link(found: re.Match) -> str:
        text, target = found[1], found[2]
        file, mark, anchor = target.partition("#")
        file = MOVED.get(file, file.removeprefix("docs/"))
        if "://" in file or not file or file in kept:
            return f"[{text}]({file}{mark}{anchor})"
        return text

    page = re.sub(r"^```python (\S+\.py.*)$", r'```python title="\1"', page, flags=re.MULTILINE)
    page = page.replace("```python needs-files", "```python")
    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, page)


def copy_pages() -> None:
    """Copy the pages and pictures; results and changes become pages beside them."""
    shutil.copytree(ROOT / "docs", SOURCE)
    (SOURCE / "results.md").write_text((ROOT / "results" / "README.md").read_text())
    (SOURCE / "changelog.md").write_text((ROOT / "CHANGELOG.md").read_text())
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (SOURCE / "results.md").read_text()):
        (SOURCE / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "results" / picture, SOURCE / picture)


def write_tutorials() -> None:
    """Write each notebook as a page, with the output that is stored in it."""
    from nbconvert import MarkdownExporter

    folder = SOURCE / "tutorials"
    folder.mkdir()
    for path in NOTEBOOKS:
        page, resources = MarkdownExporter().from_filename(str(path), {"output_files_dir": f"{path.stem}_files"})
        page = page.replace("](../docs/", "](../").replace("](../results/README.md", "](../results.md")
        (folder / f"{path.stem}.md").write_text(page)
        for name, content in resources["outputs"].items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)


def is_foreign(thing: object) -> bool:
    """Whether it is a class of another package, which that package documents."""
    return isinstance(thing, type) and thing.__module__.partition(".")[0] != "beliefnet"


def write_reference() -> list[str]:
    """Write a page per package, and return all public names."""
    folder = SOURCE / "reference"
    folder.mkdir()
    names = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        public = [
            name for name in module.__all__ if not name.startswith("__") and not is_foreign(getattr(module, name))
        ]
        names += [f"{package}.{name}" for name in public]
        members = "".join(f"        - {name}\n" for name in public)
        options = f"    options:\n      show_root_toc_entry: false\n      members:\n{members}"
        (folder / f"{package}.md").write_text(f"# {package}\n\n::: {package}\n{options}")
    return names


def write_commands() -> None:
    """Write the help of every command."""
    from beliefnet.cli._app import COMMANDS

    page = ["# The command line\n\nEvery command, as its `--help` prints it.\n"]
    for command in sorted(COMMANDS):
        shown = subprocess.run(
            [Path(sys.executable).parent / "beliefnet", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "80"},
        )
        page.append(f"## beliefnet {command}\n\n```text\n{shown.stdout.strip()}\n```\n")
    (SOURCE / "commands.md").write_text("\n".join(page))


def check_reference(names: list[str]) -> None:
    """Fail if a public name has no entry in the inventory that the build wrote."""
    content = (SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]
    known = {line.split(" ", 1)[0] for line in decompress(content).decode().splitlines()}
    missing = [name for name in names if name not in known]
    if missing:
        sys.exit(f"expected every public name in the reference, got none of {', '.join(missing)}")


def main() -> None:
    """Build the site."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    copy_pages()
    write_tutorials()
    names = write_reference()
    write_commands()
    kept = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.is_file()}
    for path in SOURCE.glob("*.md"):
        path.write_text(relinked(path.read_text(), kept))
    subprocess.run([Path(sys.executable).parent / "zensical", "build", "--strict", "--clean"], cwd=ROOT, check=True)
    check_reference(names)
    print(f"{SITE}: {len(list(SITE.rglob('*.html')))} pages, {len(names)} public names")


if __name__ == "__main__":
    main()
