"""`python -m deploy.local up|down|status|clean`: the local stack of this checkout. The page is docs/local-stack.md."""

from __future__ import annotations

import argparse
import os
import sys

from contracts.names import SERVICES
from deploy.local.desk import MOST_INSTANCES
from deploy.local.operators import settings_of
from deploy.local.stack import ROOT, Stack
from deploy.trouble import Trouble


def parse_scale(text: str) -> dict[str, int]:
    """`intake=2 routing=3` (spaces or commas between) as numbers by service. Raises: Trouble."""
    wanted: dict[str, int] = {}
    for part in text.replace(",", " ").split():
        service, _, number = part.partition("=")
        if service not in SERVICES or not number.isdecimal() or int(number) > MOST_INSTANCES:
            raise Trouble(
                f'SCALE has {part!r}; it wants e.g. "intake=2 routing=3", services being {", ".join(SERVICES)} and'
                f" numbers 0 to {MOST_INSTANCES}."
            )
        wanted[service] = int(number)
    return wanted


def say(line: str) -> None:
    """Print one line about what happens. If nobody reads on (`make down | head -1`), the work goes on all the same."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def up(stack: Stack, scale: str) -> None:
    """Start everything, and say how to go on."""
    stack.desk.settings_of |= settings_of(os.environ)
    stack.start(parse_scale(scale), default=1)
    counts = ", ".join(f"{service} ×{len(stack.desk.instances(service))}" for service in SERVICES)
    say(f"up: {counts}\nhow to reach it: {stack.environment_file}   look: make watch, make status   stop: make down")


def status(stack: Stack) -> bool:
    """Print what runs and what should run; False if nothing runs, or not everything that was asked for."""
    running, missing = stack.processes.running(), stack.missing()
    for name, process in sorted(running.items()):
        say(f"{name:18} pid {process.pid:<8} log {stack.processes.log(name)}")
    for name in missing:
        say(f"{name:18} has ended     log {stack.processes.log(name)}")
    if missing:
        say("not all runs that was asked for (make up starts the rest)")
    elif not running:
        say("nothing runs (make up starts it)")
    return bool(running) and not missing


def main(arguments: list[str]) -> int:
    """Run the command; its exit code: 0, or 1 with one clear message."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The local stack of this checkout.")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start what does not run, and apply the scale")
    starting.add_argument("--scale", default="", metavar='"intake=2 routing=3"', help="instances of each service")
    commands.add_parser("down", help="stop everything in order; data stays")
    commands.add_parser("status", help="what runs")
    commands.add_parser("clean", help="stop everything and delete its data")
    chosen = parser.parse_args(arguments)
    stack = Stack(ROOT, say)
    try:
        match chosen.command:
            case "up":
                up(stack, chosen.scale)
            case "down":
                stack.stop()
                say("down (data stays; make clean deletes it)")
            case "status":
                return 0 if status(stack) else 1
            case "clean":
                for folder in ROOT.glob("test-*"):
                    Stack(folder).remove()
                stack.stop()
                stack.remove()
                say("stopped, and its data deleted")
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make up` goes on from here, `make down` stops what runs", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
