"""The conformance kit: tries every rule of `docs/engine-protocol.md` against a push receiver, with bundles and keys of its own."""
