"""under which circumstances a review was made: whether the model's opinion was shown, and when the first one was"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reviews", sa.Column("first_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reviews", sa.Column("opinion_shown", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("reviews") as table:
        table.drop_column("opinion_shown")
        table.drop_column("first_at")
