"""What the listings of images have in common on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from imgadm.cli.command import Section
from imgadm.cli.options import Options
from imgadm.cli.shared_options import JSON, NO_HEADER, columns_option, sort_option

if TYPE_CHECKING:
    from imgadm.operations.listing.rows import ListedImage

DEFAULT_COLUMNS = "uuid,name,version,os,published"
DEFAULT_SORT = "published_at,name"

LISTING_OPTIONS = (JSON, NO_HEADER, columns_option(DEFAULT_COLUMNS), sort_option(DEFAULT_SORT))

FIELDS = Section(
    "Fields",
    "The fields of a manifest (uuid, name, version, os, type, state, ...) and:\n"
    "\n"
    "published, pub    publication time to the second, and the day alone\n"
    "size              bytes of the image file\n"
    "source            URL of the source that the image is from",
)
FILTERS = Section(
    "Filters",
    "name=base-64                 the field is exactly that\n"
    "name=~base                   the text contains that, or the array has it\n"
    "disabled=true                the boolean, not the text\n"
    "files.0.compression=gzip     dots lead into objects and arrays\n"
    "\n"
    "All filters must match.",
)


class Listing:
    """How the operator wants images shown; made before they are fetched, so mistakes show first.

    ``sort`` is None for a command that has no ``-s``, whose images have an order of their own.
    """

    def __init__(
        self,
        options: Options,
        *,
        columns: str = DEFAULT_COLUMNS,
        sort: str | None = DEFAULT_SORT,
    ) -> None:
        from imgadm.cli.output.tables import sort_rows, split_fields

        self._as_json = options.flag("-j")
        self._header = not options.flag("-H")
        self._columns = split_fields(_text(options, "-o", columns))
        self._sort = [] if sort is None else split_fields(_text(options, "-s", sort))
        if not self._as_json:
            sort_rows((), self._sort)

    @property
    def fields(self) -> Sequence[str] | None:
        """What the images are shown and sorted by; None for all that is known of them."""
        return None if self._as_json else [*self._columns, *(f.lstrip("-") for f in self._sort)]

    def show(self, images: Sequence[ListedImage]) -> None:
        """Print the images, as a table in the wanted order, or as JSON in the order they are in."""
        from imgadm.cli.output.tables import sort_order, table_of_columns
        from imgadm.operations.listing.rows import column

        if self._as_json:
            print_json([image.document for image in images])
            return
        order = sort_order(len(images), partial(column, images), self._sort)
        ordered = [images[index] for index in order]
        values = [column(ordered, field) for field in self._columns]
        print(table_of_columns(self._columns, values, header=self._header), end="")

    def show_docker(self, images: Sequence[ListedImage]) -> None:
        """Print the tagged Docker images, as their own tool shows them."""
        from imgadm.cli.output.tables import sort_rows, table
        from imgadm.operations.listing.rows import docker_rows

        if self._as_json:
            self.show(images)
            return
        rows = sort_rows(list(docker_rows(images)), ["published_at"])
        columns = ["uuid", "repository", "tag", "image_id", "created"]
        print(table(rows, columns, header=self._header), end="")


def collect_no_garbage() -> None:
    """Let Python not look for garbage from here on: a list makes none worth the time.

    It would look through all images several times while they become more.
    """
    import gc

    gc.disable()


def print_json(document: object) -> None:
    """Print JSON with an indentation of two."""
    from imgadm.base.json_text import indented

    print(indented(document))


def _text(options: Options, name: str, default: str) -> str:
    text = options.text(name)
    return default if text is None else text
