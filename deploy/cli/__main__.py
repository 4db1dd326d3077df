"""`python -m deploy.cli`: the command line without the installed program `casebus`."""

from deploy.cli.main import run

run()
