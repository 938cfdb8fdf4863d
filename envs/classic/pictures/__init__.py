"""The pictures for people of the classic control tasks, one file a task."""


def signed(number: float, digits: int) -> str:
    """A number with its sign, and with a minus as printers set it; zero has a plus."""
    return f"{round(number, digits) + 0:+.{digits}f}".replace("-", "−")
