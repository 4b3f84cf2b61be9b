"""The registry: which taggers there are, which may be served, which is in production, and who decided so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from components import places
from components.errors import RegistryError
from components.registry import far_folders, folders, history, keys, names
from components.registry.database import Database
from components.registry.entry import Entry, Gate, adopt, enter, refuse_cancelled
from components.registry.errors import ModelInUse, UnknownModel
from components.registry.history import note
from components.registry.records import AuditEntry, Card, Page, RegisteredModel, entry_of, model_of, plain
from components.registry.tables import AuditRow, ModelRow, now
from components.s3 import Remote

SORTS: dict[str, Any] = {
    "created_at": ModelRow.created_at,
    "name": ModelRow.name,
    "f1_score": ModelRow.eval_metrics["f1_score"].as_float(),
}


class Registry:
    """The SQL database and the tagger folders by digest, as one; nothing is opened until it is asked for.

    Args:
        url: the database; TIMBRE_DATABASE_URL where none is given.
        models_root: where tagger folders lie by digest; TIMBRE_MODELS where none is given.
    Raises:
        RegistryError: from every method, if the database is away, damaged or newer than this code.
    """

    def __init__(self, url: str | None = None, models_root: Path | None = None) -> None:
        self.database = Database(url)
        self.root = (models_root or places.models_root()).absolute()
        address = places.models_remote() if self.root == places.models_root() else None
        self.remote = Remote.of(address) if address else None

    @classmethod
    def open(cls, url: str | None = None, models_root: Path | None = None) -> "Registry":
        """A registry whose database has answered and is up to date."""
        registry = cls(url, models_root)
        with registry.database.read():
            return registry

    @classmethod
    def look(cls, url: str | None = None, models_root: Path | None = None) -> "Registry":
        """The same for those who only look: none is made.

        Raises:
            UnknownModel: if there is none.
        """
        registry = cls(url, models_root)
        if not registry.database.is_there:
            raise UnknownModel(
                f"no models are registered here, as {registry.address} does not exist: `timbre train` makes one, "
                "or set TIMBRE_DATABASE_URL to where they are"
            )
        return cls.open(url, models_root)

    @property
    def address(self) -> str:
        """The database for people, without its password."""
        return self.database.where

    @property
    def place(self) -> str:
        """Where all tagger folders lie, for people."""
        return self.remote.address if self.remote else str(self.root)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(
        self,
        folder: Path,
        card: Card,
        gate: Gate,
        *,
        who: str,
        name: str | None = None,
        description: str = "",
        training_job_id: str | None = None,
        then: Callable[[RegisteredModel], None] | None = None,
    ) -> RegisteredModel:
        """Keep a sealed tagger folder: its bytes first, then its row, the gate's decision and the aliases at once.

        The same digest again gives the same model, brings back a folder that is missing or damaged, and asks no gate twice.

        Args:
            gate: asked with what is in production; asked again if that changes while it thinks.
            name: a name other than that in tagger.json.
            then: called at the end with the model, the first time and every time after: the place to link it elsewhere.
        Raises:
            RegistryError: if the folder is damaged or the name is not allowed.
            JobCancelled: if the training job was cancelled meanwhile.
        """
        sealed = folders.read(folder)
        name = names.check(name or str(sealed.about.get("name", "")))
        with self.database.read() as session:
            refuse_cancelled(session, training_job_id)
            known = session.scalar(select(ModelRow).where(ModelRow.digest == sealed.digest)) is not None
        folders.bring_in(folder, self.root, keep=known)
        self.send(sealed.digest, keep=known)
        fresh = Entry(sealed, card, name, description, training_job_id)
        model = enter(self.database, fresh, gate, who)
        if then is not None:
            then(model)
        return model

    def adopt(self, digest: str, card: Card, who: str) -> RegisteredModel:
        """Write the row of a tagger folder that lies under the root without one; inactive until the gate or a person says otherwise."""
        sealed = folders.read(self.folder_of(digest))
        entry = Entry(sealed, card, names.check(str(sealed.about.get("name", ""))))
        self.send(digest)
        return adopt(self.database, entry, who)

    def find(self, key: str = keys.PRODUCTION, inactive: bool = False) -> RegisteredModel:
        """The model that a key means and that may be served; an inactive one too where `inactive` says so.

        Args:
            key: `production`, `latest`, `name@digest8`, an id, a digest or its first 8 or more characters, or a bare name (its newest).
        Raises:
            UnknownModel, InactiveModel, ArchivedModel: if there is none.
        """
        with self.database.read() as session:
            return _model(session, (keys.present if inactive else keys.may_serve)(keys.row_of(session, key)))

    def look_up(self, key: str) -> RegisteredModel:
        """The model that a key means, inactive and archived ones too."""
        with self.database.read() as session:
            return _model(session, keys.row_of(session, key))

    def folder(self, model: RegisteredModel) -> Path:
        """Where the model's tagger folder lies."""
        path = self.folder_of(model.digest)
        if not path.is_dir():
            raise RegistryError(f"the tagger folder of {model.key} is not under {self.place}: set TIMBRE_MODELS, or run `timbre doctor`")
        return path

    def folder_of(self, digest: str) -> Path:
        """Where the tagger folder of a digest lies, if it is there; from S3 it is fetched first."""
        path = self.root / digest
        if self.remote and not path.is_dir():
            far_folders.fetch(digest, self.root, self.remote)
        return path

    def send(self, digest: str, keep: bool = True) -> None:
        """Write a tagger folder that lies here to S3, where they lie there; what others have attached there stays if `keep` says so."""
        if self.remote:
            far_folders.send(self.root / digest, self.remote, keep)

    def lying(self) -> list[str]:
        """Digests of the tagger folders that there are, registered or not; on S3, those that any machine can fetch."""
        return far_folders.digests(self.remote) if self.remote else sorted(folders.by_digest(self.root))

    def choices(self) -> tuple[str, ...]:
        """What `find` takes now, for people to choose from: the aliases, then each active model, newest first."""
        with self.database.read() as session:
            rows = session.scalars(select(ModelRow).where(*keys.SERVABLE).order_by(*keys.NEWEST))
            served = [alias for alias in keys.aliases(session) if alias != keys.SHADOW]
            return (*served, *(row.key for row in rows))

    def promote(self, key: str, who: str, reason: str) -> RegisteredModel:
        """Put a model in production, an inactive one too; a person's word goes over the gate's."""
        with self.database.write() as session:
            row = keys.present(keys.row_of(session, key))
            before = keys.production(session)
            if before is None or before.id != row.id:
                history.put_in_production(session, row, who, history.PROMOTED, reason)
            return _model(session, row)

    def roll_back(self, who: str, reason: str = "") -> RegisteredModel:
        """Put back what was in production before; once more goes one further back.

        Raises:
            RegistryError: if nothing was, or nothing of it may still be served.
        """
        with self.database.write() as session:
            if not (rows := history.former(session)):
                raise RegistryError("there is no earlier production model that may be served: promote one by its name")
            history.put_in_production(session, rows[0], who, history.ROLLED_BACK, reason)
            return _model(session, rows[0])

    def change(
        self, key: str, who: str, *, name: str | None = None, description: str | None = None, is_active: bool | None = None
    ) -> RegisteredModel:
        """Say anew what is given, all of it or nothing; the digest stays, so with a new name the key becomes `<name>@digest8`.

        Raises:
            ModelInUse: if it is in production and must not be served any more.
        """
        with self.database.write() as session:
            row = keys.present(keys.row_of(session, key))
            if name is not None and row.name != names.check(name):
                before, row.name = row.name, name
                note(session, who, "renamed", row, before=before, after=name)
            if description is not None and row.description != plain(description):
                before, row.description = row.description, plain(description)
                note(session, who, "described", row, before=before, after=description)
            if is_active is not None and row.is_active != is_active:
                _spare_production(session, row, "made inactive")
                row.is_active = is_active
                note(session, who, "activated" if is_active else "deactivated", row)
            return _model(session, row)

    def archive(self, key: str, who: str) -> RegisteredModel:
        """Keep a model for audit only, for good; its folder stays.

        Raises:
            ModelInUse: if it is in production.
        """
        with self.database.write() as session:
            row = keys.row_of(session, key)
            if row.archived_at is None:
                _spare_production(session, row, "archived")
                history.leave_shadow(session, row, who, "archived")
                row.is_active, row.archived_at = False, now()
                note(session, who, "archived", row)
            return _model(session, row)

    def audit(self, key: str | None = None, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The newest entries of the audit trail, of one model where a key is given."""
        with self.database.read() as session:
            query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
            if key is not None:
                query = query.where(AuditRow.model_id == keys.row_of(session, key).id)
            return tuple(entry_of(row) for row in session.scalars(query))

    def list(
        self,
        is_active: bool | None = None,
        include_archived: bool = False,
        label: str | None = None,
        sort: str = "-created_at",
        page: int = 1,
        page_size: int = 100,
    ) -> Page:
        """A page of models.

        Args:
            label: only those that know this label's code.
            sort: created_at, name or f1_score; with a - before it from the newest, last or best.
        """
        conditions: list[ColumnElement[bool]] = [] if include_archived else [ModelRow.archived_at.is_(None)]
        if is_active is not None:
            conditions.append(ModelRow.is_active.is_(is_active))
        order = _order(sort)
        if page < 1 or page_size < 1:
            raise RegistryError(f"page {page} of {page_size} models: both count from 1")
        with self.database.read() as session:
            if label is not None:
                conditions.append(_has_label(session, plain(label)))
            total = session.scalar(select(func.count()).select_from(ModelRow).where(*conditions)) or 0
            rows = session.scalars(
                select(ModelRow).where(*conditions).order_by(order, *keys.NEWEST).offset((page - 1) * page_size).limit(page_size)
            )
            aliases = keys.aliases(session)
            return Page(tuple(model_of(row, aliases) for row in rows), total, page, page_size)


def _model(session: Session, row: ModelRow) -> RegisteredModel:
    session.flush()
    return model_of(row, keys.aliases(session))


def _has_label(session: Session, label: str) -> ColumnElement[bool]:
    each = func.jsonb_array_elements_text if session.get_bind().dialect.name == "postgresql" else func.json_each
    item = each(ModelRow.labels).table_valued("value")
    return select(item.c.value).where(item.c.value == label).exists()


def _spare_production(session: Session, row: ModelRow, what: str) -> None:
    current = keys.production(session)
    if current is not None and current.id == row.id:
        raise ModelInUse(f"model {row.key} is in production and cannot be {what}: promote another one first, or roll back")


def _order(sort: str) -> ColumnElement[Any]:
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise RegistryError(f"cannot sort models by {sort!r}: choose one of {', '.join(SORTS)}, with a - before it for descending")
    ordered: ColumnElement[Any] = column.desc() if sort.startswith("-") else column.asc()
    return ordered
