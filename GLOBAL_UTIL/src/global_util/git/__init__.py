"""Git: one door, sealed settings, typed answers."""

from global_util.git.door import Git, GitError
from global_util.git.repository import Checkout, Person, Repository

__all__ = ["Checkout", "Git", "GitError", "Person", "Repository"]
