"""Passwords as files: a folder with one file per user, named after the user, which holds the password.

Docker and Kubernetes provide secrets in this way. The page is docs/deployment.md.
"""

from __future__ import annotations

from pathlib import Path

from deploy.trouble import Trouble


def read_passwords(folder: Path) -> dict[str, str]:
    """The password of each user, without blanks around it. It skips files that begin with a dot.

    Raises: Trouble if the folder or a file in it cannot be read or is empty.
    """
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        passwords = {file.name: file.read_text(encoding="utf-8").strip() for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"The passwords in {folder} cannot be read ({type(error).__name__}).", 2) from error
    empty = [user for user, password in passwords.items() if not password]
    if empty or not passwords:
        what = f"{folder / empty[0]} is empty" if empty else f"{folder} is empty"
        raise Trouble(f"{what}: it should hold one file for each user, with the password in it.", 2)
    return passwords
