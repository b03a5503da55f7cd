"""pytest: the tests of the whole tree."""

# ruff: noqa: ARG002  (the protocol decides what is passed)
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from global_util.checks import Check, Finished, Outcome, TreeFacts, Wanted

from ph4_error_detection.checks.junit import UnreadableReport, read_report
from ph4_error_detection.checks.selection import ini_section, toml_table

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile

# The cache goes elsewhere and is not switched off: a repository's own --ff or --lf would be unknown without it.
_ARGV = ("pytest", "-q", "-p", "phaseline_witness", "-o", "cache_dir={report}.cache", "--junitxml={report}")
_OPTIONS = ("-o", "junit_family=xunit1", "--rootdir=.")
_TEST_FILE = re.compile(r"(^|/)(test_[^/]*\.py|[^/]*_test\.py|conftest\.py)\Z")
_TEST_FOLDER = re.compile(r"(^|/)(tests?|testing)/")
_PROJECT_FILE = re.compile(
    r"(pyproject\.toml|setup\.cfg|setup\.py|tox\.ini|\.?pytest\.ini|\.?pytest\.toml|[^/]*requirements[^/]*\.(txt|in))\Z"
)
_OWN_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")


class Pytest:
    """Reads the JUnit report of a run. A failing test is a finding whose rule is its node id."""

    id = "pytest"
    tool = "pytest"
    kind: CheckKind = "test"
    config_files: tuple[str, ...] = (*_OWN_FILES, "pyproject.toml", "tox.ini", "setup.cfg")
    python_module: str | None = "pytest"

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """When there are tests or a configuration for them, and the change touches what they may read."""
        configured = _configured(facts)
        if not configured and not any(_TEST_FILE.search(path) for path in facts.paths):
            return Wanted(False, "the repository has no pytest tests")
        packages = {path.rpartition("/")[0] for path in facts.paths if path.endswith("/__init__.py")}
        touched = [file for file in files if _matters(file, packages)]
        if not touched:
            return Wanted(False, "no file that the tests may read was changed", configured)
        paths = tuple(sorted(file.path for file in touched if file.change != "D"))
        why = "the repository has tests, and files that they may read were changed"
        return Wanted(True, why, configured, paths, whole_tree=True, argv=(*_ARGV, *_OPTIONS))

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """The report tells; the exit code must agree with it."""
        if finished.exit_code == 5:
            return Outcome("no_tests", detail="pytest collected no test")
        try:
            report = read_report(finished.report or b"")
        except UnreadableReport as fault:
            last_words = finished.stderr or finished.stdout
            return Outcome("crashed", detail=f"exit code {finished.exit_code}, {fault}\n{last_words}")
        if report.findings and finished.exit_code in (0, 1, 2):
            # Where not one test passed (a file could not be collected, so none ran), nothing was judged.
            return Outcome("findings", report.findings, judged=None if report.passed else ())
        if finished.exit_code != 0:
            last_words = finished.stderr or finished.stdout
            return Outcome("crashed", detail=f"exit code {finished.exit_code} without a failing test\n{last_words}")
        if not report.passed:
            return Outcome("no_tests", detail="every test was skipped")
        return Outcome("pass")

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Tests mend nothing."""
        return None


def _configured(facts: TreeFacts) -> bool:
    return (
        not facts.paths.isdisjoint(_OWN_FILES)
        or toml_table(facts.texts, "pyproject.toml", "tool", "pytest") is not None
        or ini_section(facts.texts, "tox.ini", "pytest") is not None
        or ini_section(facts.texts, "setup.cfg", "tool:pytest") is not None
    )


def _matters(file: TargetFile, packages: set[str]) -> bool:
    """Python, below a tests folder, data inside a package, or configuration of the project."""
    path = file.path
    if file.language == "python" or _TEST_FOLDER.search(path) or _PROJECT_FILE.match(path):
        return True
    parts = path.split("/")[:-1]
    return any("/".join(parts[:depth]) in packages for depth in range(1, len(parts) + 1))


CHECK: Check = Pytest()
