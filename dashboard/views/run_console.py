"""Console output of a run: new lines for the live tail, search, download."""

from collections.abc import Iterator

from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from dashboard.code_view import file_bytes
from dashboard.requests import SignedIn
from dashboard.scope import number_in, run_of
from dashboard.text_direction import visible
from experiments import reading
from experiments.errors import NotFound
from experiments.models import LogChunk

MOST_LINES = 1000
MOST_CHARACTERS = 200  # of a text to find
LAST = 2**53


@require_safe
def lines(request: SignedIn, run_id: str) -> HttpResponse:
    """Lines after `?after=`, of those that hold `?contains=`; `live`: more may come."""
    run = run_of(request, run_id)
    page = reading.log_lines(
        run.pk,
        after=number_in(request, "after", default=0, least=-LAST, most=LAST),
        limit=MOST_LINES,
        contains=request.GET.get("contains", "")[:MOST_CHARACTERS],
    )
    found = [
        {"number": one.number, "text": visible(one.text), "stream": one.stream}
        for one in page.lines
    ]
    more = len(found) == MOST_LINES or not run.is_finished
    return JsonResponse({"lines": found, "next": page.next, "total": page.total, "live": more})


@require_safe
def download(request: SignedIn, run_id: str) -> HttpResponseBase:
    """The whole console as a text file, streamed chunk by chunk."""
    run = run_of(request, run_id)

    def chunks() -> Iterator[str]:
        texts = LogChunk.objects.filter(run=run).order_by("id").values_list("text", flat=True)
        yield from texts.iterator(chunk_size=100)

    response = StreamingHttpResponse(chunks(), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{run.pk}-console.txt"'
    return response


@require_safe
def file(request: SignedIn, run_id: str) -> HttpResponse:
    """One file of the run's snapshot, as a download that browsers never render."""
    run = run_of(request, run_id)
    path = request.GET.get("path", "")
    data = file_bytes(run.snapshot, path) if run.snapshot else None
    if data is None:
        raise NotFound(f"The snapshot of {run.name} has no file {path[:200]!r}.")
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = 'attachment; filename="download"'
    response["Content-Security-Policy"] = "sandbox"
    return response
