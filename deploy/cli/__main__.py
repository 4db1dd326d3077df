"""`python -m deploy.cli`: the command line, where no `casebus` is installed."""

from deploy.cli.main import run

run()
