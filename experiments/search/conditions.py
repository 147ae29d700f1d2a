"""One comparison as a condition on runs."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from experiments import floats
from experiments.directions import direction_of_name
from experiments.errors import Invalid
from experiments.models import Param, Project, RunStatus, RunTag, Series, User
from experiments.search import values as read
from experiments.search.fields import (
    KNOWN,
    NUMBER_FIELDS,
    SUMMARIES,
    TEXT_FIELDS,
    TIME_FIELDS,
    Field,
)
from experiments.search.names import row_of_each
from experiments.search.tokens import Token, problem, unquoted
from experiments.search.values import Comparison

NULL = "null"  # as a param's row has it
FEW_TAGS = 1_000  # different ones, of a project
Rows = QuerySet[Param] | QuerySet[RunTag] | QuerySet[Series]


def condition(asked: Comparison, project: Project | None) -> Q:
    """Raises Problem for what cannot be compared so."""
    match asked.target.kind, asked.target.key:
        case "params", key:
            return _of_param(Param.objects.filter(_within(project), key=key), asked)
        case "metrics", _:
            return _of_metric(asked, project)
        case "tags", key:
            return _of_tag(RunTag.objects.filter(_within(project), name=key), asked)
        case _, "tags":
            return _of_tags(RunTag.objects.filter(_within(project)), asked, project)
        case _, "user":
            return _of_user(asked)
        case _, "parent":
            return _of_parent(asked)
        case _, key if key in TEXT_FIELDS:
            return _of_own_text(TEXT_FIELDS[key], asked)
        case _, key if key in NUMBER_FIELDS:
            return read.negated(asked, *read.wholes(NUMBER_FIELDS[key], asked))
        case _, key if key in TIME_FIELDS:
            return read.negated(asked, *read.times(TIME_FIELDS[key], asked))
    raise problem(asked.named, f"{asked.named.text!r} is not a field; use {KNOWN}.")


def summary_column(target: Field, project: Project | None) -> str:
    """The column of a metric's summary; the best is its minimum or maximum, as the project says of
    its main metric and the name of any other. Raises Invalid where nobody says which."""
    if target.summary != "best":
        return SUMMARIES[target.summary]
    if project is None:
        raise Invalid("which one is best depends on the project: name it, or use min or max.")
    is_main = target.key == project.main_metric
    direction = project.main_metric_direction if is_main else direction_of_name(target.key)
    if not direction:
        raise Invalid("its name does not say whether less or more is best: use min or max.")
    return "most" if direction == "max" else "least"


def _within(project: Project | None) -> Q:
    return Q() if project is None else Q(project=project)


def _has(rows: Rows) -> Q:
    return Q(pk__in=rows.values("run_id"))


def _exists(rows: Rows, asked: Comparison) -> Q:
    """IS NULL: the run has no such row."""
    return _has(rows) if asked.is_not else ~_has(rows)


def _of_own_text(column: str, asked: Comparison) -> Q:
    if asked.sign == "IS NULL":  # such columns are empty rather than null
        return ~Q(**{column: ""}) if asked.is_not else Q(**{column: ""})
    if column == "status" and asked.sign in ("=", "IN"):
        for value in asked.values:
            if unquoted(value.text) not in RunStatus.values:
                raise problem(value, f"use one of {', '.join(RunStatus.values)}.")
    return read.negated(asked, read.texts(column, asked), Q())


def _of_user(asked: Comparison) -> Q:
    has = Q(created_by__isnull=False)
    if asked.sign == "IS NULL":
        return has if asked.is_not else ~has
    users = User.objects.filter(read.texts("username", asked)).values("pk")
    return read.negated(asked, Q(created_by__in=users), has)


def _of_parent(asked: Comparison) -> Q:
    has = Q(parent__isnull=False)
    if asked.sign == "IS NULL":
        # As the indexes of outermost runs have it; "not there" is another condition to them.
        return has if asked.is_not else Q(parent__isnull=True)
    if asked.sign not in ("=", "IN"):
        raise problem(asked.named, "compare parent by =, != or IN with ids, or say IS NULL.")
    parents = [unquoted(value.text) for value in asked.values]
    return read.negated(asked, Q(parent__in=parents), has)


def _of_tags(rows: QuerySet[RunTag], asked: Comparison, project: Project | None) -> Q:
    if asked.sign == "IS NULL":
        return _exists(rows, asked)
    named = read.texts("name", asked, of="tags")
    if project is not None and asked.sign in read.OF_TEXTS:
        named = _of_names(named, project)
    found = _has(rows.filter(named))
    return ~found if asked.is_not else found


def _of_names(named: Q, project: Project) -> Q:
    """The same condition as a list of tags, where a project has few different ones: each is
    compared once, however many runs have it."""
    rows = row_of_each(RunTag, "name", project, limit=FEW_TAGS + 1)
    if len(rows) > FEW_TAGS:
        return named
    return Q(name__in=RunTag.objects.filter(named, pk__in=rows).values("name"))


def _of_tag(rows: QuerySet[RunTag], asked: Comparison) -> Q:
    if asked.sign == "IS NULL":
        return _exists(rows, asked)
    return _has(rows.filter(read.negated(asked, read.texts("text", asked), Q())))


def _of_param(rows: QuerySet[Param], asked: Comparison) -> Q:
    if asked.sign == "IS NULL":
        return _exists(rows.exclude(text=NULL), asked)
    if asked.sign in ("=", "IN"):
        numbers, others = _sorted_out(asked.values)
        # What is not a number is neither equal to one nor another number.
        has = Q() if others else Q(number__isnull=False)
        found = Q(number__in=numbers) if numbers else Q()
        if others:
            found |= Q(text__in=others)
    elif all(map(read.is_number, asked.values)) and asked.sign not in read.OF_TEXTS:
        found, has = read.numbers("number", asked)
    else:
        found, has = read.texts("text", asked), Q()
    return _has(rows.filter(read.negated(asked, found, has)))


def _sorted_out(values: Sequence[Token]) -> tuple[list[float], list[str]]:
    """Finite numbers, and whatever else is compared as text."""
    numbers, others = [], []
    for value in values:
        if read.is_number(value) and not floats.kind(float(value.text)):
            numbers.append(float(value.text))
        else:
            others.append(unquoted(value.text))
    return numbers, others


def _of_metric(asked: Comparison, project: Project | None) -> Q:
    try:
        column = summary_column(asked.target, project)
    except Invalid as error:
        raise problem(asked.named, error.message) from None
    rows = Series.objects.filter(_within(project), key=asked.target.key)
    if asked.sign == "IS NULL":
        is_last = column == "last"  # null also where it is not a number
        return _exists(rows if is_last else rows.filter(**{f"{column}__isnull": False}), asked)
    names = [floats.kind(read.number(value)) for value in asked.values]
    if not any(names):
        found, has = read.numbers(column, asked)
        return _has(rows.filter(read.negated(asked, found, has)))
    if column != "last" or asked.sign not in ("=", "IN"):
        place = next(place for place, name in enumerate(names) if name)
        raise problem(
            asked.values[place], f"compare with {names[place]} only the last value, by = or !=."
        )
    finite = [read.number(v) for v, name in zip(asked.values, names, strict=True) if not name]
    found = Q(last_is__in=[name for name in names if name]) | Q(last__in=finite)
    return _has(rows.filter(read.negated(asked, found, Q())))
