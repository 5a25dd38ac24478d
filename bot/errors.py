"""The errors that parts of Northlight raise for one another; none carries what a person wrote."""


class NorthlightError(Exception):
    """The root of them all."""


class SettingsError(NorthlightError):
    """Raised when a setting is missing, malformed or unsafe; the text names the setting."""


class DataError(NorthlightError):
    """Raised when one of the project's data files is wrong; names the file and the entry."""


class EngineUnavailable(NorthlightError):
    """Raised when the dialogue engine is away, too slow or answers nonsense."""


class QueueUnavailable(NorthlightError):
    """Raised when Redis cannot be reached: nothing was accepted, nothing was changed."""


class AlreadyClaimed(NorthlightError):
    """Raised when another counsellor was quicker; `holder` is that colleague's shown name."""

    def __init__(self, holder: str) -> None:
        super().__init__("already claimed")
        self.holder = holder


class NotOnShift(NorthlightError):
    """Raised when a counsellor can take nobody now; that may be the colleague of an offer.

    `why` is "off" when they are not on shift, "full" when they hold as many as they may.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class OnHold(NorthlightError):
    """Raised when a supervisor holds the person back, and only a supervisor may do this."""


class Moved(NorthlightError):
    """Raised when something else stands than an act was decided on: nothing was done."""


class NotForThis(NorthlightError):
    """Raised when somebody would be held where somebody else may be writing: nothing was done."""


class SessionEnded(NorthlightError):
    """Raised when an act needs a handoff or a login that is already over."""


class Overtaken(NorthlightError):
    """Raised when a turn is not this worker's any more: nothing was done, somebody else does it."""


class Sealed(NorthlightError):
    """Raised when sealed bytes cannot be opened: wrong key, moved to another key, or damaged."""
