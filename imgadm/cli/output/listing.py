"""Lists of images in the form that the operator asks for: a table or JSON."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial

from imgadm.base.json_text import indented
from imgadm.cli.options import Options
from imgadm.cli.output.tables import sort_order, sort_rows, split_fields, table, table_of_columns
from imgadm.cli.shared_options import DEFAULT_COLUMNS, DEFAULT_SORT
from imgadm.operations.listing.rows import ListedImage, column, docker_rows


class Listing:
    """The form of a list of images, which the ``options`` of a command ask for.

    It is made before the images are fetched, so that mistakes in the options show first.
    ``columns`` and ``sort`` are the defaults; ``sort`` is None for a command without ``-s``, whose
    images have an order of their own. Raises UsageError.
    """

    def __init__(
        self,
        options: Options,
        *,
        columns: str = DEFAULT_COLUMNS,
        sort: str | None = DEFAULT_SORT,
    ) -> None:
        self._as_json = options.flag("-j")
        self._header = not options.flag("-H")
        self._columns = split_fields(_text(options, "-o", columns))
        self._sort = [] if sort is None else split_fields(_text(options, "-s", sort))
        if not self._as_json:
            sort_rows((), self._sort)

    @property
    def fields(self) -> Sequence[str] | None:
        """The fields that the list shows and sorts by; None if it shows whole documents."""
        return None if self._as_json else [*self._columns, *(f.lstrip("-") for f in self._sort)]

    def show(self, images: Sequence[ListedImage]) -> None:
        """Print ``images`` as a sorted table, or as JSON in the order that they have."""
        if self._as_json:
            print_json([image.document for image in images])
            return
        order = sort_order(len(images), partial(column, images), self._sort)
        ordered = [images[index] for index in order]
        values = [column(ordered, field) for field in self._columns]
        print(table_of_columns(self._columns, values, header=self._header), end="")

    def show_docker(self, images: Sequence[ListedImage]) -> None:
        """Print the tagged Docker images with the columns of the ``docker`` command."""
        if self._as_json:
            self.show(images)
            return
        rows = sort_rows(list(docker_rows(images)), ["published_at"])
        columns = ["uuid", "repository", "tag", "image_id", "created"]
        print(table(rows, columns, header=self._header), end="")


def collect_no_garbage() -> None:
    """Turn off Python's collection of garbage for the rest of the run.

    A list makes many objects and hardly any garbage. The collector would look through all images
    again and again while their number grows.
    """
    gc.disable()


def print_json(document: object) -> None:
    """Print ``document`` as JSON with an indentation of two."""
    print(indented(document))


def _text(options: Options, name: str, default: str) -> str:
    text = options.text(name)
    return default if text is None else text
