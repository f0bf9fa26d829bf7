"""What turns a command line and a file of options into the configuration of a recipe."""
