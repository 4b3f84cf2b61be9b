"""the prediction log"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "logged_models",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_logged_models"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("content", sa.String(64), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("audio_uri", sa.Text(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("loudness_lufs", sa.Double(), nullable=True),
        sa.Column("peak_db", sa.Double(), nullable=True),
        sa.Column("silent_share", sa.Double(), nullable=True),
        sa.Column("clipped_share", sa.Double(), nullable=True),
        sa.Column("scores", sa.LargeBinary(), nullable=True),
        sa.Column("decisions", sa.LargeBinary(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
        sa.ForeignKeyConstraint(["model"], ["logged_models.digest"], name="fk_predictions_model_logged_models"),
    )
    op.create_index("ix_predictions_model_at", "predictions", ["model", "at"])
    op.create_index("ix_predictions_at", "predictions", ["at"])
    op.create_index("ix_predictions_content", "predictions", ["content"])


def downgrade() -> None:
    op.drop_table("predictions")
    op.drop_table("logged_models")
