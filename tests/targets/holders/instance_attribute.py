from held import make

EXPECTED = "instance_attribute.BOOK: Book -> Book.pages: list of 5 -> [index]: Held"


class Book:
    def __init__(self):
        self.title = "title"
        self.pages = []


BOOK = Book()


def hold():
    objects, addresses = make()
    BOOK.pages.extend(objects)
    return addresses
