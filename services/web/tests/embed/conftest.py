"""A small stand-in for the unpacked client, so that these tests need no download."""

import json
from pathlib import Path

import pytest
from hweb.settings import Settings

VERSION = "1.2345.0"


@pytest.fixture
def client_directory(tmp_path: Path) -> Path:
    """A directory as the client's package leaves it."""
    root = tmp_path / "package"
    for name, text in {
        "package.json": json.dumps({"version": VERSION}),
        "secret.txt": "outside of build/",
        "build/boot.js": "boot()",
        "build/boot-template.js": "template",
        "build/manifest.json": "{}",
        "build/scripts/sidebar.bundle.js": "sidebar();\n" * 200,
        "build/scripts/sidebar.bundle.js.map": "map",
        "build/scripts/ui-playground.bundle.js": "playground",
        "build/styles/annotator.css": "a {}",
        "build/styles/fonts/KaTeX_Main-Regular.woff2": "font",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def settings(settings: Settings, client_directory: Path) -> Settings:
    """Settings of a site that has the client."""
    return settings.model_copy(update={"h_client_dir": client_directory})
