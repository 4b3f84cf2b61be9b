"""models, aliases and the audit trail"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("training_job_id", sa.String(64), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("archived_at", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("eval_metrics", Json, nullable=False),
        sa.Column("split", sa.String(40), nullable=False),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("card", Json, nullable=False),
        sa.Column("decision", Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("digest", name="uq_models_digest"),
    )
    op.create_index("ix_models_name", "models", ["name"])
    op.create_index("ix_models_training_job_id", "models", ["training_job_id"])
    op.create_index("ix_models_created_at", "models", ["created_at"])
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_aliases"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_aliases_model_id_models"),
    )
    op.create_index("ix_aliases_model_id", "aliases", ["model_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=True),
        sa.Column("detail", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_audit_model_id_models"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_model_id", "audit", ["model_id"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("aliases")
    op.drop_table("models")
