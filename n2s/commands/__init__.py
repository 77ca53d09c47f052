"""The commands of the command line, one file per command; what they need is imported when they run."""
