from held import make

EXPECTED = "slot.BOOK: Book -> Book.pages: list of 5 -> [index]: Held"


class Book:
    __slots__ = ("pages", "title")


BOOK = Book()


def hold():
    objects, addresses = make()
    BOOK.pages = objects
    return addresses
