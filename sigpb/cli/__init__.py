"""The command line. Only code in here prints, or ends the process."""
