"""The eight calls of Label Studio's documented REST API that we need. Knows no table of ours.

Its own SDK would bring 45 packages into the service (a code formatter, a language toolkit, a
data-frame library) for these; ``requests`` is here already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import requests

from serving.labelstudio.access import Access
from serving.labelstudio.errors import LabelStudioRefusedError, LabelStudioUnreachableError

Json = dict[str, Any]
JsonBody = Json | list[Json] | None

TIMEOUT_S = 20.0
IMPORT_TIMEOUT_S = 300.0
PAGE_TASKS = 500
MAX_DETAIL_CHARS = 300
LIST = "list"
TASK_FIELDS = ("id", "data", "annotations")
ANNOTATION_FIELDS = (
    "id",
    "result",
    "completed_by",
    "updated_by",
    "updated_at",
    "was_cancelled",
    "ground_truth",
)
"""Fields that are asked for of both at once, by name; all of them take ten times as long."""


class LabelStudio:
    """A connection to one server; not to be shared between threads."""

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Speak to the server at ``url`` with a personal access token, or a legacy one."""
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._access = Access(self.url, token, timeout_s)
        self._session = requests.Session()
        self._session.auth = self._access

    def forget_access(self) -> None:
        """Show the token anew with the next request."""
        self._access.forget()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def find_projects(self) -> Iterator[Json]:
        """Yield the projects that the token may see."""
        page = 1
        while True:
            query = {"page": page, "page_size": PAGE_TASKS, "include": "id,title,description"}
            answer = self._ask("GET", "/api/projects/", params=query)
            yield from answer["results"]
            if not answer.get("next"):
                return
            page += 1

    def get_project(self, project_id: int) -> Json | None:
        """Return a project; None where there is none."""
        return self._ask_or_none("GET", f"/api/projects/{project_id}/")

    def create_project(self, wanted: Json) -> Json:
        """Make a project and return it."""
        return self._ask("POST", "/api/projects/", json=wanted)

    def update_project(self, project_id: int, wanted: Json) -> Json:
        """Change what ``wanted`` names of a project."""
        return self._ask("PATCH", f"/api/projects/{project_id}/", json=wanted)

    def list_webhooks(self, project_id: int) -> list[Json]:
        """Return the webhooks of a project."""
        answer = self._ask("GET", "/api/webhooks/", params={"project": project_id})
        found: list[Json] = answer[LIST]
        return found

    def save_webhook(self, webhook_id: int | None, wanted: Json) -> Json:
        """Make a webhook, or change the one with this number."""
        if webhook_id is None:
            return self._ask("POST", "/api/webhooks/", json=wanted)
        return self._ask("PATCH", f"/api/webhooks/{webhook_id}/", json=wanted)

    def import_tasks(self, project_id: int, tasks: Sequence[Json]) -> list[int]:
        """Add tasks with their predictions, all or none; returns their numbers in this order."""
        answer = self._ask(
            "POST",
            f"/api/projects/{project_id}/import",
            params={"return_task_ids": "true"},
            json=list(tasks),
            timeout_s=IMPORT_TIMEOUT_S,
        )
        return [int(number) for number in answer["task_ids"]]

    def each_page_of_tasks(
        self, project_id: int, page_size: int = PAGE_TASKS
    ) -> Iterator[list[Json]]:
        """Yield all tasks with their annotations, some at a time, oldest first."""
        page = 1
        while True:
            query: Json = {"project": project_id, "page": page, "page_size": page_size}
            query |= {"fields": "all", "include": ",".join(TASK_FIELDS + ANNOTATION_FIELDS)}
            answer = self._ask_or_none("GET", "/api/tasks/", params=query)
            # A page that is not there any more: tasks were deleted meanwhile.
            tasks: list[Json] = answer["tasks"] if answer else []
            _check_tasks(tasks)
            if tasks:
                yield tasks
            if len(tasks) < page_size:
                return
            page += 1

    def get_task(self, task_id: int) -> Json | None:
        """Return a task with its annotations; None where it was deleted."""
        task = self._ask_or_none("GET", f"/api/tasks/{task_id}/")
        if task is not None:
            _check_tasks([task])
        return task

    def update_task(self, task_id: int, data: Json) -> None:
        """Give a task other data."""
        self._ask("PATCH", f"/api/tasks/{task_id}/", json={"data": data})

    def delete_task(self, task_id: int) -> None:
        """Remove a task; one that is gone already is no error."""
        self._ask_or_none("DELETE", f"/api/tasks/{task_id}/")

    def _ask_or_none(self, method: str, path: str, *, params: Json | None = None) -> Json | None:
        try:
            return self._ask(method, path, params=params)
        except LabelStudioRefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Json | None = None,
        json: JsonBody = None,
        timeout_s: float | None = None,
    ) -> Json:
        """Send one request for an object; a token that has just ended is renewed once.

        Raises:
            LabelStudioUnreachableError: nothing answers, or something that is no Label Studio.
            LabelStudioTokenError: the server does not know the token.
            LabelStudioTokenRevokedError: it was revoked.
            LabelStudioRefusedError: any other error.
        """
        answer = self._send(method, path, params, json, timeout_s)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._access.forget()
            answer = self._send(method, path, params, json, timeout_s)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise self._access.explain_refusal()
        if not answer.ok:
            detail = answer.text[:MAX_DETAIL_CHARS]
            told = f"{method} {path}"
            raise LabelStudioRefusedError(told, answer.status_code, detail)
        if answer.status_code == HTTPStatus.NO_CONTENT or not answer.content:
            return {}
        return self._read(answer)

    def _send(
        self, method: str, path: str, params: Json | None, json: JsonBody, timeout_s: float | None
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                self.url + path,
                params=params,
                json=json,
                timeout=timeout_s or self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise LabelStudioUnreachableError(self.url, _name_of(error)) from error

    def _read(self, answer: requests.Response) -> Json:
        """Return what was answered; a bare list stands under :data:`LIST`."""
        try:
            found = answer.json()
        except ValueError as error:
            why = "the answer is no JSON"
            raise LabelStudioUnreachableError(self.url, why) from error
        return found if isinstance(found, dict) else {LIST: found}


def _check_tasks(tasks: Sequence[Json]) -> None:
    """Make sure that an answer holds what people drew: silence must not look like deletion.

    Raises:
        LabelStudioRefusedError: it does not, as another version might answer.
    """
    for task in tasks:
        annotations = task.get("annotations")
        if not isinstance(annotations, list) or any(
            name not in each for each in annotations for name in ANNOTATION_FIELDS
        ):
            told, detail = "a question for tasks", f"task {task.get('id')} without its annotations"
            raise LabelStudioRefusedError(told, HTTPStatus.OK, detail)


def _name_of(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
