"""`FileSource`: a source of files, declared in YAML; the same form in `defs/sources/<name>/defs.yaml` and in the user's folder."""

from __future__ import annotations

import dagster as dg
from pydantic import BaseModel

from seeding_platform.connectors.spec import FileSourceSpec


class FileSource(dg.Component):
    """Files of one kind, by path or by name pattern, mapped to one or more contracts."""

    def __init__(self, spec: FileSourceSpec) -> None:
        self.spec = spec

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The fields that the YAML may hold."""
        return FileSourceSpec

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> FileSource:
        """A component from its validated attributes."""
        if not isinstance(attributes, FileSourceSpec):
            attributes = FileSourceSpec.model_validate(attributes.model_dump() if attributes else {})
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The raw asset of this source."""
        from seeding_platform.defs.collect.sources import source_asset

        return dg.Definitions(assets=[source_asset(self.spec)])
