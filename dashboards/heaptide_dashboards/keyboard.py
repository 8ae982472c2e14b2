"""What keys do, as the help of every page lists it; `keyboard.js` does it."""

KEYS = (
    ("/", "Filter the lists of this page"),
    ("j", "Next row"),
    ("k", "Previous row"),
    ("Enter", "Open the row"),
    ("e", "Resolve the leak"),
    ("m", "Mute the leak"),
    ("?", "Show or hide this help"),
)
