"""Imports run one way: masks ◀ layer ◀ placement ◀ modeling ◀ …, read off the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "hf_fairdropout"

# What each part may import of ours, besides itself.
ALLOWED = {
    "masks": set(),
    "layer": {"masks"},
    "configuration": {"layer", "masks"},
    "placement": {"configuration", "layer", "masks"},
    "modeling": {"configuration", "placement", "layer", "masks"},
    "folding": {"configuration", "placement", "modeling", "layer", "masks"},
    "data": set(),
    "metrics": set(),
    "methods": {"metrics", "data.schema"},
    "training": {"modeling", "placement", "methods", "data.schema", "data.row_index", "metrics"},
    "memorization": {"modeling", "placement", "layer", "metrics", "data.schema"},
    "sweep": {"training", "methods", "metrics"},
    "hub": {"folding", "modeling", "configuration", "placement"},
}


def imported(path: Path, root: Path = PACKAGE) -> set[str]:
    """Dotted names of our modules that a file imports, relative to the package."""
    package = list(path.relative_to(root).with_suffix("").parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = (node.module or "").split(".") if node.module else []
            if node.level == 0 and module[:1] == ["hf_fairdropout"]:
                module, base = module[1:], []
            elif node.level == 0:
                continue
            found.update([".".join(base + module)] if base + module else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            found.update(alias.name.removeprefix("hf_fairdropout.") for alias in node.names if alias.name.startswith("hf_fairdropout"))
    return found


@pytest.mark.parametrize("path", sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.name != "__init__.py"), ids=str)
def test_direction(path):
    part = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for name in imported(path):
        inside = name == part or name.startswith(f"{part}.")
        assert inside or any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[part]), f"{path} imports {name}"


def test_the_check_sees_a_wrong_import(tmp_path):
    (tmp_path / "data").mkdir()
    wrong = tmp_path / "data" / "schema.py"
    wrong.write_text("from ..layer import FairDropout\nfrom .row_index import x\nimport hf_fairdropout.training\n")
    assert imported(wrong, tmp_path) == {"layer", "data.row_index", "training"}
