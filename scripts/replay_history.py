"""Replay a stretch of a repository's history through the whole line, and compare the tree that comes out with upstream's.

    python scripts/replay_history.py REPOSITORY [--end COMMIT] [--commits 40] [--jobs 2] [--work DIR]

Every first-parent commit becomes a workstream: its scope is the paths that it touched, its recording is its own diff, and
it depends, for each path, on the latest earlier workstream that touched that path or a folder above it.
Exit code 0: the trees are equal.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from global_util import paths


def git(repo: Path, *argv: str, stdin: bytes = b"") -> bytes:
    """Git's answer."""
    return subprocess.run(["git", *argv], cwd=repo, input=stdin, capture_output=True, check=True).stdout


def touched(repo: Path, before: str, after: str) -> list[str]:
    """The paths that differ between two commits, in the text form of the artifacts."""
    raw = git(repo, "diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
    return [paths.from_bytes(name) for name in raw.split(b"\0") if name]


def write_bundles(repo: Path, commits: list[str], bundles: Path, recordings: Path) -> int:
    """One bundle and one recording per commit that changes something; how many there are."""
    last: dict[str, str] = {}
    for number, (before, after) in enumerate(itertools.pairwise(commits), start=1):
        names = touched(repo, before, after)
        if not names:
            continue
        workstream = f"ws-{number:03d}-{after[:8]}"
        needs = {last[place] for name in names for place in (name, *_above(name)) if place in last}
        bundle = {
            "id": workstream,
            "title": f"Replay {after[:10]}",
            "files_scope": [{"path": name} for name in names],
            "tasks": [f"Apply {after[:10]}"],
            "depends_on": sorted(needs),
        }
        (bundles / f"{workstream}.json").write_text(json.dumps(bundle), "utf-8")
        (recordings / workstream).mkdir(parents=True)
        patch = git(repo, "diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", before, after)
        (recordings / workstream / "1.patch").write_bytes(patch)
        last.update(dict.fromkeys(names, workstream))
    return len(list(bundles.iterdir()))


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def replay(source: Path, end: str, count: int, jobs: int, work: Path) -> bool:
    """Run the stretch that ends at ``end``, and say what came out."""
    commits = git(source, "rev-list", "--first-parent", f"--max-count={count + 1}", "--reverse", end).decode().split()
    clone, bundles, recordings = work / "clone", work / "bundles", work / "recordings"
    for folder in (bundles, recordings):
        folder.mkdir(parents=True)
    git(work, "clone", "--quiet", "--shared", "--no-checkout", str(source), str(clone))
    git(clone, "-c", "advice.detachedHead=false", "checkout", "--quiet", "-B", "stretch", commits[0])
    made = write_bundles(source, commits, bundles, recordings)
    began = time.monotonic()
    words = ["--tool", "replay", "--recording", str(recordings), "--jobs", str(jobs)]
    words += [
        "--set",
        "checks.enabled=[]",
        "--set",
        'policy.unverified="save"',
        "--set",
        f'worktree.root="{work / "slots"}"',
    ]
    command = [
        str(Path(sys.executable).parent / "pipeline"),
        "run",
        str(bundles),
        "--repo",
        str(clone),
        *words,
        "--json",
    ]
    done = subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    )
    if done.returncode:
        sys.stderr.write(
            done.stderr.decode("utf-8", "replace")[-3000:] + done.stdout.decode("utf-8", "replace")[-3000:]
        )
    ours = git(clone, "rev-parse", "stretch^{tree}").decode().strip()
    theirs = git(source, "rev-parse", f"{commits[-1]}^{{tree}}").decode().strip()
    same = ours == theirs
    seconds = time.monotonic() - began
    print(
        f"{source.parent.name} {commits[-1][:10]}: {made} workstreams, exit {done.returncode}, {seconds:.1f} s, tree {'equal' if same else 'DIFFERENT'}"
    )
    if not same:
        print(git(clone, "diff", "--stat", ours, theirs).decode("utf-8", "replace")[-2000:])
    return same and done.returncode == 0


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--end", default="HEAD")
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    if given.work:
        given.work.mkdir(parents=True)
        return 0 if replay(given.repository.absolute(), given.end, given.commits, given.jobs, given.work) else 1
    with tempfile.TemporaryDirectory(prefix="phaseline-history-") as folder:
        return 0 if replay(given.repository.absolute(), given.end, given.commits, given.jobs, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
