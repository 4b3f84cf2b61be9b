"""In a build: tell Python Timbre's name and version, which taggers record; the code itself runs from its folder, uninstalled."""

import sys
import sysconfig
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
name, version = project["name"], project["version"]
folder = Path(sysconfig.get_path("purelib")) / f"{name.replace('-', '_')}-{version}.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
