"""Run a scenario on a cell and write down what it showed."""
