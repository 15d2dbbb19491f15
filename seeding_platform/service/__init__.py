"""The service: API and pages over what stands. Routes are thin; every answer is a function of a room."""
