"""Pictures of text that a phone would break: changed lines of code, in colour.

    painter   the port `Painter`: lines of a change as a PNG as wide as a phone shows it well

Never a decision, and nothing that is only in a picture: all of it is in a file beside it, too.
Painting is done with Pillow, which is imported when the first picture is wanted, because most
daemons never need one. What is painted comes from outside: a picture has at most so many signs.
"""
