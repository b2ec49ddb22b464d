"""Why a notice could not be sent. Their texts hold no secret: no password, and no path or query of an address."""


class LaterError(Exception):
    """It may succeed when it is tried again."""


class NeverError(Exception):
    """Trying again would not help: somebody has to change a setting."""
