"""Passwords as files: a folder with a file for each user, named like the user, that holds the password.

It is how Docker and Kubernetes hand secrets over. The page is docs/deployment.md.
"""

from __future__ import annotations

from pathlib import Path

from deploy.trouble import Trouble


def read_passwords(folder: Path) -> dict[str, str]:
    """The password of each user; blanks around it do not count. Files that begin with a dot are skipped.

    Raises: Trouble for a folder, or a file in it, that is not what it should be.
    """
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        passwords = {file.name: file.read_text(encoding="utf-8").strip() for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"The passwords in {folder} cannot be read ({type(error).__name__}).", 2) from error
    empty = [user for user, password in passwords.items() if not password]
    if empty or not passwords:
        what = f"{folder / empty[0]} is empty" if empty else f"{folder} is empty"
        raise Trouble(f"{what}: it should hold a file for each user, with the password in it.", 2)
    return passwords
