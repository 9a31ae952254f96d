"""`python -m her2cds` is the command line."""

from her2cds.cli.app import main

main()
