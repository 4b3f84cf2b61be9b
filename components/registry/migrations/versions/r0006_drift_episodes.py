"""episodes of drift, and who was told of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drift_watched",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("model_key", sa.String(300), nullable=False),
        sa.Column("watched_as", sa.String(300), nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("model", "kind", name="pk_drift_watched"),
    )
    op.create_table(
        "drift_episodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("model_key", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("watched_as", sa.String(300), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("began_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("counted_at", Moment, nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("last_sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_episodes"),
    )
    op.create_index("ix_drift_episodes_model_kind", "drift_episodes", ["model", "kind"])
    op.create_index("ix_drift_episodes_began_at", "drift_episodes", ["began_at"])
    op.create_table(
        "drift_alerts",
        sa.Column("episode_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", Moment, nullable=True),
        sa.Column("told_at", Moment, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("episode_id", "event", "channel", name="pk_drift_alerts"),
        sa.ForeignKeyConstraint(["episode_id"], ["drift_episodes.id"], name="fk_drift_alerts_episode_id_drift_episodes"),
    )


def downgrade() -> None:
    op.drop_table("drift_alerts")
    op.drop_table("drift_episodes")
    op.drop_table("drift_watched")
