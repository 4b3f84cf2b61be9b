"""Draft the next revision: what tables.py has and the revisions do not yet make. Read the draft before you keep it."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from components.registry.database import take_turn
from components.registry.schema import FOLDER, upgrade

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'draft.db'}"
        upgrade(create_engine(url), url, take_turn)
        config = Config()
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
        with create_engine(url).connect() as connection:
            config.attributes["connection"] = connection
            number = f"{len(list((FOLDER / 'versions').glob('r*.py'))) + 1:04d}"
            command.revision(config, message=" ".join(sys.argv[1:]) or "change", autogenerate=True, rev_id=number)
