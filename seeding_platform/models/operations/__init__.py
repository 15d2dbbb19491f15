"""Models at work: jobs carried out, performance checked, versions deployed and watched, questions answered.

What is decided, and by which figures, is in `models.retraining`, `models.promotion` and `models.drift`; here it is done, and put on record.
"""
