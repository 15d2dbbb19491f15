"""The API's description is committed: who changes an address sees it in the diff."""

import json

from seeding_platform.settings import project_root

FILE = project_root() / "docs" / "openapi.json"


def test_the_committed_description_is_the_apis(service):
    now = json.dumps(service.app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert FILE.read_text(encoding="utf-8") == now, "run `python -m seeding_platform_tests.service.openapi` and look at the diff"


def test_every_route_says_what_it_does(service):
    for path, methods in service.app.openapi()["paths"].items():
        for method, told in methods.items():
            assert told.get("description"), (method, path)
