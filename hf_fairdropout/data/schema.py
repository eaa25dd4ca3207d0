"""The columns of every benchmark, and the arithmetic of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets import ClassLabel, Dataset, Features

ROW_INDEX = "row_index"
LABEL = "label"
ATTRIBUTE = "attribute"
GROUP = "group"


@dataclass(frozen=True)
class GroupNames:
    """The names of labels and attributes; together they name the groups.

    Attributes:
        labels: Name of each label.
        attributes: Name of each attribute; one name alone means that the data have none, and the groups are the classes.

    >>> names = GroupNames(("landbird", "waterbird"), ("land", "water"))
    >>> names.groups
    ('landbird/land', 'landbird/water', 'waterbird/land', 'waterbird/water')
    >>> names.group_of(1, 0)
    2
    """

    labels: tuple[str, ...]
    attributes: tuple[str, ...] = ("none",)

    @property
    def groups(self) -> tuple[str, ...]:
        """Name of each group, in the order label · n_attributes + attribute."""
        if len(self.attributes) == 1:
            return self.labels
        return tuple(f"{label}/{attribute}" for label in self.labels for attribute in self.attributes)

    def group_of(self, label, attribute):
        """Group of a label and an attribute (integers, arrays or tensors): label · n_attributes + attribute."""
        return label * len(self.attributes) + attribute

    def attribute_of(self, group):
        """Attribute of a group (an integer, array or tensor)."""
        return group % len(self.attributes)

    @classmethod
    def of(cls, features: Features | None, num_labels: int) -> "GroupNames":
        """Read the names from the features of a data set; numbers stand in for the names it lacks.

        Args:
            features: Features of the data set, or None.
            num_labels: How many labels there are if the features do not tell.
        """
        features = features or {}
        label, attribute = (features.get(column) for column in (LABEL, ATTRIBUTE))
        labels = label.names if isinstance(label, ClassLabel) else [str(number) for number in range(num_labels)]
        return cls(tuple(labels), tuple(attribute.names) if isinstance(attribute, ClassLabel) else ("none",))


def with_groups(dataset: Dataset, labels: Sequence[int], attributes: Sequence[int], names: GroupNames) -> Dataset:
    """Add the columns label, attribute and group, as ClassLabels with the names.

    Args:
        dataset: Rows without these columns.
        labels: Label of each row.
        attributes: Attribute of each row.
        names: Names of both.
    """
    groups = [names.group_of(label, attribute) for label, attribute in zip(labels, attributes, strict=True)]
    for column, values, class_names in (
        (LABEL, labels, names.labels),
        (ATTRIBUTE, attributes, names.attributes),
        (GROUP, groups, names.groups),
    ):
        dataset = dataset.add_column(column, list(values), feature=ClassLabel(names=list(class_names)))
    return dataset
