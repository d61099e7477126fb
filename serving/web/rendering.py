"""From a template and data to an answer: language, words for codes, security headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from detection.domain.hazard import HazardClass
from detection.domain.reasons import REASONS
from detection.taxonomy import load_taxonomy
from serving.accounts.roles import Permission, is_allowed
from serving.accounts.users import Person
from serving.deps import get_services
from serving.web import change_labels, labels
from serving.web.figures import show_error, show_score
from serving.web.i18n import (
    DEFAULT_LANGUAGE,
    LANGUAGE_COOKIE,
    LANGUAGES,
    N_,
    WEB_DIR,
    load_translations,
    render_script_catalogue,
    select_language,
)
from serving.web.problem_texts import PROBLEMS

SECONDS_PER_MINUTE: Final = 60
MINUTES_PER_HOUR: Final = 60


class Words:
    """The texts of one language: messages, and words for codes."""

    def __init__(self, language: str) -> None:
        """Use the catalogue of ``language``."""
        self.language = language
        self._translations = load_translations(language)

    def translate(self, message: str, **values: object) -> str:
        """Return ``message`` in the language, its ``{name}`` places filled from ``values``."""
        return _fill(self._translations.gettext(message), values)

    def translate_count(self, one: str, many: str, num: int) -> str:
        """Return the form of a message that fits ``num``, its ``{num}`` filled."""
        return _fill(self._translations.ngettext(one, many, num), {"num": num})

    def label(self, table: Mapping[str, str], code: str) -> str:
        """Return the word for ``code``; a code that has none is shown as it is."""
        return self.translate(table[code]) if code in table else code

    def class_name(self, hazard_class: str) -> str:
        """Return the name of a class as the taxonomy has it."""
        entry = load_taxonomy()[HazardClass(hazard_class)]
        return entry.name_en if self.language == "en" else entry.name_zh

    def proposed_name(self, hazard_class: str) -> str:
        """Return what a class is called while it is proposed: it accuses nobody."""
        suspicion = labels.SUSPICIONS.get(hazard_class)
        return self.translate(suspicion) if suspicion else self.class_name(hazard_class)

    def explain(self, code: str, message: str = "", remedy: str = "") -> tuple[str, str]:
        """Return what happened and what to do for a reason or problem ``code``.

        ``message`` and ``remedy`` are the stored texts, used where we have no words of our own.
        """
        if code in REASONS:
            message, remedy = REASONS[code].message_en, REASONS[code].remedy_en
        elif code in PROBLEMS:
            message, remedy = PROBLEMS[code]
        return self._known(message), self._known(remedy)

    def describe_duration(self, seconds: float) -> str:
        """Return a duration coarsely; people plan by it, they do not time by it."""
        if seconds < SECONDS_PER_MINUTE:
            return self.translate(N_("{count} s"), count=max(1, round(seconds)))
        minutes = round(seconds / SECONDS_PER_MINUTE)
        if minutes < MINUTES_PER_HOUR:
            return self.translate(N_("{count} min"), count=minutes)
        hours, minutes = divmod(minutes, MINUTES_PER_HOUR)
        return self.translate(N_("{hours} h {minutes} min"), hours=hours, minutes=minutes)

    def problem_texts(self) -> dict[str, dict[str, str]]:
        """Return message and remedy of every code, for the scripts."""
        codes = [*REASONS, *PROBLEMS]
        pairs = {code: self.explain(code) for code in codes}
        return {code: {"message": pair[0], "remedy": pair[1]} for code, pair in pairs.items()}

    def _known(self, text: str) -> str:
        # gettext answers the empty message with the header of the catalogue.
        return self.translate(text) if text else ""


def words_for(request: Request) -> Words:
    """Return the texts in the language that the visitor chose."""
    return Words(select_language(request.cookies.get(LANGUAGE_COOKIE)))


def render(
    request: Request,
    template: str,
    *,
    person: Person | None,
    context: Mapping[str, object],
    status: int = 200,
) -> HTMLResponse:
    """Return the page (or piece of a page) made from ``template`` and ``context``.

    Pages name their place in the navigation as ``section``.
    """
    words = words_for(request)
    settings = get_services(request).settings
    values = _context(request, words, person) | {
        "section": "",
        "map_tiles_url": settings.map_tiles_url,
        "map_tiles_attribution": settings.map_tiles_attribution,
    }
    html = _environment().get_template(template).render(values | dict(context))
    return HTMLResponse(html, status_code=status, headers=_headers(settings.map_tiles_url))


def _context(request: Request, words: Words, person: Person | None) -> dict[str, object]:
    def may(permission: Permission) -> bool:
        return person is not None and is_allowed(person.role, permission)

    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "_": words.translate,
        "ngettext": words.translate_count,
        "language": words.language,
        "html_language": LANGUAGES.get(words.language, LANGUAGES[DEFAULT_LANGUAGE]),
        "script_catalogue": Markup(render_script_catalogue(words.language)),  # noqa: S704 - our own JSON, "<" escaped
        "problem_texts": words.problem_texts(),
        "here": request.url.path + query,
        "user": _user_of(person),
        "can_upload": may(Permission.CHANGE_FLIGHTS),
        "can_see_candidates": may(Permission.SEE_CANDIDATES),
        "can_see_hazards": may(Permission.SEE_HAZARDS),
        "can_decide": may(Permission.DECIDE),
        "can_manage_layers": may(Permission.MANAGE_LAYERS),
        "can_arbitrate": may(Permission.ARBITRATE),
        "can_see_models": may(Permission.SEE_MODELS),
        "can_manage_models": may(Permission.MANAGE_MODELS),
        "can_calibrate": may(Permission.CALIBRATE),
        "can_see_statistics": may(Permission.DECIDE) or may(Permission.SEE_STATISTICS),
        "can_mark_checks": may(Permission.MARK_CHECKS),
        "can_see_audit": may(Permission.SEE_AUDIT),
        "class_label": words.class_name,
        "proposed_label": words.proposed_name,
        "show_score": show_score,
        "show_error": show_error,
    } | _labels(words)


def _labels(words: Words) -> dict[str, Callable[[str], str]]:
    tables = {
        "flight_state_label": labels.FLIGHT_STATES,
        "flight_kind_label": labels.FLIGHT_KINDS,
        "candidate_state_label": labels.CANDIDATE_STATES,
        "tier_label": labels.TIERS,
        "origin_label": labels.ORIGINS,
        "permit_label": labels.PERMITS,
        "permit_answer_label": labels.PERMIT_ANSWERS,
        "model_label": labels.MEASUREMENTS,
        "ground_method_label": labels.GROUND_METHODS,
        "role_label": labels.ROLES,
        "layer_kind_label": labels.LAYER_KINDS,
        "area_level_label": labels.AREA_LEVELS,
        "seen_state_label": labels.SEEN_STATES,
        "target_kind_label": labels.TARGET_KINDS,
        "need_label": labels.NEEDS,
        "coverage_state_label": labels.COVERAGE_STATES,
        "run_state_label": change_labels.RUN_STATES,
        "finding_kind_label": change_labels.FINDING_KINDS,
        "short_kind_label": change_labels.SHORT_KINDS,
    }

    def make(table: Mapping[str, str]) -> Callable[[str], str]:
        return lambda code: words.label(table, code)

    return {name: make(table) for name, table in tables.items()}


def _user_of(person: Person | None) -> dict[str, object] | None:
    if person is None:
        return None
    return {"id": person.user_id, "username": person.username, "role": person.role.value}


def _fill(text: str, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def _static_url(path: str) -> str:
    # No version in the address: a module that is imported by two addresses would run twice.
    return f"/static/{path}"


def _instant(moment: datetime | None) -> Markup:
    """Return a time element in UTC; a script shows it in the reader's own zone."""
    if moment is None:
        return Markup("\N{EN DASH}")
    utc = moment.astimezone(UTC)
    element = Markup('<time datetime="{}" data-local>{} UTC</time>')
    return element.format(utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(WEB_DIR / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(static_url=_static_url, instant=_instant)
    return environment


def _headers(tiles_url: str) -> dict[str, str]:
    tiles = urlsplit(tiles_url.replace("{s}.", ""))
    tiles_origin = f" {tiles.scheme}://{tiles.netloc}" if tiles.netloc else ""
    policy = (
        "default-src 'self'; "
        f"img-src 'self' data: blob:{tiles_origin}; "
        "style-src 'self' 'unsafe-inline'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Cookie",
    }
