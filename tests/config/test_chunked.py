"""Bodies without a length."""

import io

from config.chunked import with_length


def received(environ, settings) -> bytes:
    found = []

    def application(environ, start_response):
        found.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        return []

    with_length(application)(environ, lambda *_: None)
    return found[0]


def test_a_body_in_chunks_is_read_whole(settings):
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b'{"slug": "x"}')}

    assert received(environ, settings) == b'{"slug": "x"}'


def test_of_a_body_over_the_limit_no_more_than_shows_it_is_read(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"x" * 1000)}

    assert len(received(environ, settings)) == 11


def test_a_body_with_a_length_is_left_alone(settings):
    body = io.BytesIO(b"12345")
    environ = {"CONTENT_LENGTH": "3", "wsgi.input": body}

    assert received(environ, settings) == b"123"
