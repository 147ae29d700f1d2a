"""Everything the submit page shows and sends: algorithm, source, preset, fields, queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from dashboard.submit.bases import Base, Trainers, base_of, copied_spec, source_of, sources
from dashboard.submit.refusals import (
    ALGORITHM,
    PRESET,
    PRIORITY,
    PROJECT,
    SOURCE,
    by_field,
    no_priority,
    unknown_names,
)
from dashboard.submit.schema_fields import (
    ROOT,
    FormField,
    SpecFields,
    UnionChoice,
    element_id,
    parsed,
    spec_fields,
)
from dashboard.submit.seeds import seeds, seeds_text
from experiments import spec_rules
from experiments.errors import Invalid
from experiments.models import Run

GROUP_ORDER = ("Inner loop", "Outer loop", "Network", "Fine-tuning", "Evaluation")
PRIORITIES = (("-10", "Low"), ("0", "Normal"), ("10", "High"))
OPTIONS = ("project", "queue", "priority", "seeds", "name", "tags", "notes")
# Fields of the page that are no inputs of the schema: what a message about them calls them.
CHOICES = {ALGORITHM: "Algorithm", SOURCE: "Episodes", PRESET: "Preset"}
EPISODES = f"{ROOT}.episodes."


@dataclass(frozen=True)
class FieldGroup:
    """Fields under one heading; `union` chooses which ones there are."""

    title: str
    fields: tuple[FormField, ...]
    union: UnionChoice | None


@dataclass(frozen=True)
class ErrorLine:
    """What the summary of errors says about one field; `id` is empty if it is not on the page."""

    id: str
    title: str
    message: str


@dataclass(frozen=True)
class JobForm:
    """A form as filled in. `options` holds the fields that are not of the spec, as text;
    `first_options`, what they hold in a form nobody touched."""

    algorithm: str
    source: str
    base: Base
    spec_fields: SpecFields
    options: Mapping[str, str]
    first_options: Mapping[str, str]
    errors: Mapping[str, tuple[str, ...]]

    @property
    def episodes(self) -> tuple[FormField, ...]:
        """The fields beside the preview."""
        return tuple(one for one in self.spec_fields.fields if one.name.startswith(EPISODES))

    @property
    def groups(self) -> list[FieldGroup]:
        """All other fields by heading, the loops first."""
        found: dict[str, list[FormField]] = {}
        for field in self.spec_fields.fields:
            if not field.name.startswith(EPISODES):
                found.setdefault(field.group, []).append(field)
        unions = {one.group: one for one in self.spec_fields.unions if one.name != SOURCE}
        for title in unions:  # a branch without settings of its own can still be left
            found.setdefault(title, [])
        order = sorted(found, key=lambda t: GROUP_ORDER.index(t) if t in GROUP_ORDER else 99)
        return [FieldGroup(title, tuple(found[title]), unions.get(title)) for title in order]

    @property
    def changes(self) -> list[FormField]:
        """Fields whose value is not the base's."""
        return [field for field in self.spec_fields.fields if field.is_changed]

    @property
    def body(self) -> dict[str, Any]:
        """What the API would be sent. Raises Invalid for seeds that are none."""
        options = self.options
        body: dict[str, Any] = {
            "project": options["project"],
            "spec": self.spec,
            "seeds": seeds(options["seeds"]),
            "queue": options["queue"],
            "priority": int(options["priority"]),
        }
        extras = {"name": options["name"], "tags": tags(options["tags"]), "notes": options["notes"]}
        return body | {key: value for key, value in extras.items() if value}

    @property
    def priorities(self) -> tuple[tuple[str, str], ...]:
        """Those that are offered, and another that was asked for."""
        chosen = self.options["priority"]
        others = () if chosen in dict(PRIORITIES) else ((chosen, chosen),)
        return (*PRIORITIES, *others)

    @property
    def address(self) -> str:
        """The query of the address that shows this form untouched; a copy is named beside it."""
        asked = {"algorithm": self.algorithm}
        if self.base.spec:  # an algorithm's own defaults are not those for a source
            asked["source"] = self.source
        if not self.base.is_copy:
            asked[PRESET] = self.base.name
        return urlencode(asked)

    @property
    def spec(self) -> dict[str, Any]:
        """The spec that the fields hold, without a seed: the seeds are beside it."""
        return {"algorithm": self.algorithm, **parsed(self.spec_fields)}

    def refused(self, errors: Mapping[str, Sequence[str]]) -> "JobForm":
        """This form with messages at its fields."""
        found = by_field(errors)
        fields = tuple(replace(f, errors=found.get(f.name, ())) for f in self.spec_fields.fields)
        unions = tuple(replace(u, errors=found.get(u.name, ())) for u in self.spec_fields.unions)
        shown = replace(self.spec_fields, fields=fields, unions=unions)
        # What the page has no option for cannot stay chosen.
        lost = {name: self.first_options[name] for name in (PROJECT, PRIORITY) if name in found}
        return replace(self, spec_fields=shown, errors=found, options={**self.options, **lost})

    def check_names(self) -> None:
        """Raises Invalid if the form asks for something that nothing here has."""
        if self.errors:
            name, messages = next(iter(self.errors.items()))
            fields = {name: list(found) for name, found in self.errors.items()}
            raise Invalid(f"{name}: {messages[0]}", fields=fields)

    @property
    def error_lines(self) -> list[ErrorLine]:
        """Every error with where it stands, for the summary above the form."""
        titles = {field.name: field.title for field in self.spec_fields.fields}
        titles |= {union.name: union.title for union in self.spec_fields.unions} | CHOICES
        titles |= {name: name.capitalize() for name in OPTIONS}
        return [
            ErrorLine(
                id=element_id(name) if name in titles else "",
                title=titles.get(name, name),
                message=" ".join(messages),
            )
            for name, messages in self.errors.items()
        ]

    @property
    def algorithm_errors(self) -> tuple[str, ...]:
        return self.errors.get(ALGORITHM, ())

    @property
    def source_errors(self) -> tuple[str, ...]:
        return self.errors.get(SOURCE, ())


def tags(text: str) -> list[str]:
    """Tags separated by commas."""
    return [tag for one in text.split(",") if (tag := one.strip())]


def job_form(
    trainers: Trainers,
    asked: QueryDict,
    *,
    defaults: Mapping[str, str],
    copied: Run | None = None,
) -> JobForm:
    """The form that an address or a sent form asks for. `defaults` fill options nobody gave.

    For a name that is not known it shows another, with an error at that field: an algorithm falls
    back to the first, a source to one the algorithm has.
    """
    algorithm = _algorithm(trainers, asked, copied)
    schema = trainers[algorithm]["schema"]
    wanted = asked.get("source") or asked.get(SOURCE) or ""
    source = wanted if wanted in sources(schema) else ""
    preset = asked.get(PRESET)
    base = base_of(trainers, algorithm, source=source, preset=preset, copied=copied)
    source = source or source_of(base.spec)

    def entered(name: str) -> str | None:
        return source if name == SOURCE and source else asked.get(name)

    found = spec_fields(_without_seed(schema), base.spec, entered)
    first = {name: _copied_option(name, copied) or defaults.get(name, "") for name in OPTIONS}
    options = {name: asked.get(name, first[name]) for name in OPTIONS}
    start = copied_spec(copied) if copied else {}
    unknown = unknown_names(trainers, asked, algorithm=algorithm, start=start, unions=found.unions)
    unknown |= no_priority(options[PRIORITY])
    chosen = found.fixed.get(SOURCE, source)
    found = _fitting(found, schema.get(spec_rules.KEY, []), algorithm)
    return JobForm(algorithm, chosen, base, found, options, first, {}).refused(unknown)


def _fitting(found: SpecFields, rules: Any, algorithm: str) -> SpecFields:
    """These fields with the choices alone that the schema's rules take."""
    spec = {"algorithm": algorithm, **parsed(found)}

    def narrowed(union: UnionChoice) -> UnionChoice:
        path = union.name.removeprefix(f"{ROOT}.")
        fit = spec_rules.fitting(rules, spec, path, union.options)
        return replace(union, offered=tuple(o for o in union.options if o in (*fit, union.value)))

    return replace(found, unions=tuple(map(narrowed, found.unions)))


def _algorithm(trainers: Trainers, asked: QueryDict, copied: Run | None) -> str:
    copied_name = copied_spec(copied).get("algorithm") if copied else None
    wanted = (asked.get("algorithm"), copied_name, "maml")
    return next((one for one in wanted if one and one in trainers), next(iter(trainers)))


def _without_seed(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = {key: part for key, part in schema["properties"].items() if key != "seed"}
    return {**schema, "properties": properties}


def _copied_option(name: str, copied: Run | None) -> str:
    if copied is None:
        return ""
    job = getattr(copied, "job", None)
    known = {
        "project": f"{copied.project.workspace.slug}/{copied.project.slug}",
        "queue": job.queue if job else "",
        "priority": str(job.priority) if job else "",
        "seeds": "" if copied.seed is None else seeds_text([copied.seed]),
        "tags": ", ".join(copied.labels),
    }
    return known.get(name, "")
