"""`python -m loopwright`: the command line, where the folder of the script is not on the path."""

from loopwright.cli.main import main

main()
