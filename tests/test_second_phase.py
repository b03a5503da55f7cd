"""A second person's phase: a package outside the tree takes the place of PH4, by its entry point alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

PHASE = '''
from global_util.contracts.error_check_targets import ErrorCheckTargets
from global_util.contracts.error_report import CheckResult, ErrorReport, ReportItem


class Oracle:
    """Believes in every change."""

    id = "PH4_ORACLE"
    consumes = ErrorCheckTargets.SCHEMA
    produces = ErrorReport.SCHEMA
    reads = ()

    def one(self, item, ctx):
        judged = tuple(file.path for file in item.files)
        ctx.move(item.workstream_id, "static_check")
        check = CheckResult(
            check_id="oracle", tool="oracle", kind="lint", status="pass", judged=judged, whole_tree=True, findings=()
        )
        return ReportItem.seal(
            **item.common(), inputs=(item.item_id,), execution=item.execution, checks=(check,), not_chosen=()
        )


PHASE = Oracle()
'''
METADATA = "Metadata-Version: 2.1\nName: oracle-checks\nVersion: 7.0\n"


@pytest.fixture
def installed(desk: Desk) -> Desk:
    """A desk with a plan, on a machine where the other PH4 is installed too."""
    site = desk.folder / "site"
    info = site / "oracle_checks-7.0.dist-info"
    info.mkdir(parents=True)
    (site / "oracle_checks.py").write_text(PHASE, "utf-8")
    (info / "METADATA").write_text(METADATA, "utf-8")
    (info / "entry_points.txt").write_text("[pipeline.phases]\nph4 = oracle_checks:PHASE\n", "utf-8")
    desk.env["PYTHONPATH"] = str(site)
    desk.workstream("ws-a", {b"a.txt": ("100644", b"A\n")})
    return desk


def test_the_phase_that_is_decided_on_is_used(installed: Desk) -> None:
    (installed.repo / "pipeline.toml").write_text('[phases]\nph4 = "oracle-checks"\n', "utf-8")
    installed.commit("decide")
    done = installed.run("pipeline", "run", str(installed.plan), *installed.choices())
    assert done.returncode == 0, done.stderr
    report = installed.artifacts()["error_report.v1"]
    assert report["producer"] == {"phase": "PH4_ORACLE", "distribution": "oracle-checks", "version": "7.0"}
    result = installed.artifacts()["error_pipeline_result.v1"]["items"][0]
    assert (result["verdict"], [check["check_id"] for check in result["checks"]]) == ("clean", ["oracle"])
    assert (installed.repo / "a.txt").read_text("utf-8") == "A\n"


def test_two_candidates_without_a_decision_are_refused(installed: Desk) -> None:
    seen = installed.looks()
    done = installed.run("pipeline", "run", str(installed.plan), *installed.choices())
    text = done.stderr.decode()
    assert (done.returncode, done.stdout, "Traceback" in text) == (4, b"", False)
    assert "oracle-checks" in text
    assert "phaseline-ph4-error-detection" in text
    assert installed.looks() == seen


def test_a_decision_for_what_is_not_installed_is_refused(desk: Desk) -> None:
    desk.workstream("ws-a", {b"a.txt": ("100644", b"A\n")})
    seen = desk.looks()
    done = desk.run("pipeline", "run", str(desk.plan), *desk.choices(), "--set", 'phases.ph6="nobody"')
    assert (done.returncode, b"E410" in done.stderr) == (4, True)
    assert desk.looks() == seen


def test_the_package_is_as_small_as_promised() -> None:
    assert len(PHASE.strip().splitlines()) <= 30
