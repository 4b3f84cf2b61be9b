"""reviews of predictions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("prediction_id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("reviewer", sa.String(200), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("sampled_p", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_reviews"),
        sa.ForeignKeyConstraint(["prediction_id"], ["predictions.id"], name="fk_reviews_prediction_id_predictions", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model"], ["logged_models.digest"], name="fk_reviews_model_logged_models"),
    )
    op.create_index("ix_reviews_model_content", "reviews", ["model", "content"])
    op.create_index("ix_reviews_content", "reviews", ["content"])


def downgrade() -> None:
    op.drop_table("reviews")
