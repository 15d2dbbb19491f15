"""Who answers the stages: the rules and models of the house, an endpoint of somebody else, or one that misbehaves on purpose."""
