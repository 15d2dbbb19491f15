"""Models as the state database knows them: training jobs, deployments, predictions with their labels, what was measured."""
