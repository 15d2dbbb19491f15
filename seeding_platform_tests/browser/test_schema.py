"""The running API against its own description, by generated requests: right ones, wrong ones, and sequences of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seeding_platform_tests.browser.test_pages import served as served
from seeding_platform_tests.depth import depth

pytestmark = pytest.mark.long


@pytest.mark.timeout(900)
def test_no_request_is_answered_outside_the_description(served, tmp_path):
    """All checks but one: a file or a figure that the form allows may still be refused for what it says, with 422.

    Left out: events, which have no end, and what starts a run, which would do all the work of one.
    """
    address, key = served
    limits = ["--max-examples", str(depth(6, 3)), "--seed", "7", "--exclude-path", "/metrics", "--exclude-path", "/api/v1/events"]
    limits += ["--exclude-path", "/api/v1/engines/{engine}/stream"]
    for starts in (
        "post_run_api_v1_runs_post",
        "post_training_api_v1_ml_retraining_jobs_post",
        "post_check_api_v1_ml_performance_checks_post",
        "post_action_api_workflows_ml_auto_retraining_post",
        "post_process_api_v1_enrichment__tenant__process_post",
        "alias_process_api_enrichment_process__tenant__post",
    ):
        limits += ["--exclude-operation-id", starts]
    checks = ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    program = str(Path(sys.executable).parent / "schemathesis")
    command = [program, "run", f"{address}/api/v1/openapi.json", "-H", f"Authorization: Bearer {key}", *checks, *limits]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout.partition("WARNINGS")[0][-6000:]
