"""What people send from their phones: a real little picture, and the beginning of a sound."""

import base64

#: A JPEG of 32 x 24 coloured squares.
PHOTO = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqM"
    "yP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAYACADASIAAhEBAxEB/8QAGAAAAwEBAAAAAAAAAAAAAAAAAAIEBQP/xAAW"
    "EAEBAQAAAAAAAAAAAAAAAAAAATH/xAAXAQEBAQEAAAAAAAAAAAAAAAACBQME/8QAGxEAAgIDAQAAAAAAAAAAAAAAABEB"
    "AwITITH/2gAMAwEAAhEDEQA/AMpYU7HKWKqve+pE0yLCTI6qLcQCqve+pGasAcGYcyeZFgChPkAsP//Z"
)
VOICE = b"OggS" + bytes(200)
