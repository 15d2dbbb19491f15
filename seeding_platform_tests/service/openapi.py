"""Write `docs/openapi.json` again: `python -m seeding_platform_tests.service.openapi`."""

import json

from seeding_platform.service.app import create_app
from seeding_platform.settings import Settings, project_root

if __name__ == "__main__":
    described = create_app(Settings()).openapi()
    target = project_root() / "docs" / "openapi.json"
    target.write_text(json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
