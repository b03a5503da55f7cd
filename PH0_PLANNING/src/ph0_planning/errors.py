"""What is wrong with a plan: one class and one stable code for each way (all exit 3)."""

from __future__ import annotations

from global_util.errors import InvalidInput


class PathMissing(InvalidInput):
    """There is no file or folder where the plan should be."""

    code = "E310"


class PlanEmpty(InvalidInput):
    """The plan's file or folder holds nothing to read."""

    code = "E311"


class FormatUnknown(InvalidInput):
    """No installed format recognises the plan."""

    code = "E312"


class FormatAmbiguous(InvalidInput):
    """Several formats recognise the plan."""

    code = "E313"


class FormatNotInstalled(InvalidInput):
    """``--format`` names a format that nobody provides."""

    code = "E314"


class NotJson(InvalidInput):
    """A bundle file is not JSON, or uses what JSON cannot hold safely."""

    code = "E315"


class DuplicateId(InvalidInput):
    """Two bundles have the same id."""

    code = "E316"


class NotUtf8(InvalidInput):
    """A file of the plan is not UTF-8 text."""

    code = "E317"


class FileTooLarge(InvalidInput):
    """A file of the plan is larger than what is read."""

    code = "E318"


class KeyUnknown(InvalidInput):
    """A bundle has a key that means nothing here."""

    code = "E319"


class SchemaViolated(InvalidInput):
    """A bundle does not match ``workstream.v1``."""

    code = "E320"


class PathRefused(InvalidInput):
    """A bundle names a path that must not be used."""

    code = "E321"


class PlanIncomplete(InvalidInput):
    """A file that the format needs is missing."""

    code = "E322"


class FileRefused(InvalidInput):
    """A file of the plan cannot be opened, is no regular file, or is a link that leads out of the plan."""

    code = "E323"
