"""A batch's biflow rows as Kentik's unidirectional records: which there are, and their columns (step 10)."""

from dataclasses import dataclass, replace

import numpy as np

from exporter.kentik.layout import Column
from shared.record import Batch


@dataclass(frozen=True, slots=True)
class Sides:
    """Directions of rows, one a record: `places` is twice the row, plus 1 for its reverse direction.

    The two of a row stand beside each other: they share most of their octets, which is what gzip lives on.
    """

    batch: Batch
    places: Column

    def __len__(self) -> int:
        return len(self.places)

    @property
    def rows(self) -> Column:
        """The row of each record."""
        return self.places >> 1

    @property
    def is_reverse(self) -> Column:
        """Whether each record is its row's reverse direction."""
        return (self.places & 1).astype(bool)

    def take(self, chosen: Column) -> "Sides":
        """The records chosen by a mask or by their places: what a rate limit leaves."""
        return replace(self, places=self.places[chosen])

    def of_row(self, name: str) -> Column:
        """A column that both directions share."""
        column: Column = self.batch.rows[name][self.rows]
        return column

    def of_way(self, name: str) -> Column:
        """A column that each direction has its own of."""
        return self.paired(name, f"rev_{name}")

    def paired(self, forward: str, reverse: str) -> Column:
        """One column where a record is forward, another where it is reverse."""
        rows = self.batch.rows
        both = np.empty((len(rows), 2), rows.dtype[forward])
        both[:, 0], both[:, 1] = rows[forward], rows[reverse]
        column: Column = both.reshape(-1)[self.places]
        return column


def sides(batch: Batch) -> Sides:
    """Every direction in which a packet went."""
    went = np.empty((len(batch.rows), 2), bool)
    went[:, 0], went[:, 1] = batch.rows["packets"] > 0, batch.rows["rev_packets"] > 0
    return Sides(batch, np.flatnonzero(went))
