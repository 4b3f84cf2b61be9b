from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.monitoring.drift import drift
from components.monitoring.report import Watched
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS, draw, logged

pytestmark = pytest.mark.slow
WATCHED = Watched("sample", "ab12cd34" * 8)


@pytest.mark.filterwarnings("ignore")  # Evidently's own
def test_a_project_a_model_and_a_snapshot_a_period(tmp_path: Path) -> None:
    from evidently.ui.workspace import Workspace

    from components.monitoring.workspace import keep

    reference, end = draw(150, seed=1), datetime(2026, 12, 1, tzinfo=UTC)
    for week, level_db in enumerate((-20.0, -40.0)):
        now = logged(300, seed=2, level_db=level_db)
        verdict = drift(reference, now, LABELS, DriftConfig())
        project = keep(verdict, reference, now, LABELS, WATCHED, tmp_path / "watch", end + timedelta(weeks=week))
    workspace = Workspace(str(tmp_path / "watch"))
    assert [(str(one.id), one.name) for one in workspace.list_projects()] == [(project, "sample@ab12cd34")]
    snapshots = [workspace.get_run(project, run) for run in workspace.list_runs(project)]
    assert sorted(str(one.metadata["sentence"])[:6] for one in snapshots) == ["Drift:", "No dri"]
