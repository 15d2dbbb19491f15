"""What finds which label, the surest first."""

from seeding_platform.governance.pii.finders import contact, credentials, identity, money, network, people

FINDERS = (*credentials.FINDERS, *money.FINDERS, *network.FINDERS, *identity.FINDERS, *contact.FINDERS)
WEAK_FINDERS = people.FINDERS
