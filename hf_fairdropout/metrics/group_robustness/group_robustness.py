"""`group_metrics` as an evaluate.Metric. One import a line: evaluate reads them with a simple parser."""

import datasets
import evaluate

from hf_fairdropout.metrics.functional import group_metrics

_DESCRIPTION = """\
Worst-group accuracy and every other metric of the subpopulation-shift benchmark, for groups label x attribute.
"""

_INPUTS = """
Args:
    predictions: predicted labels, one a row.
    references: true labels.
    attributes: attribute of each row; all 0 where there are none.
    confidence: of the bootstrap intervals, 0.95 by default.
    seed: of the bootstrap, 0 by default.
    label_names, attribute_names: for the tables.
Returns:
    The dictionary of hf_fairdropout.metrics.group_metrics.
"""

_CITATION = """\
@inproceedings{yang2023change,
  title={Change is Hard: A Closer Look at Subpopulation Shift},
  author={Yang, Yuzhe and Zhang, Haoran and Katabi, Dina and Ghassemi, Marzyeh},
  booktitle={ICML},
  year={2023}
}
"""


class GroupRobustness(evaluate.Metric):
    """See `hf_fairdropout.metrics.group_metrics`."""

    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64"), "attributes": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions, references, attributes, **options):
        return group_metrics(predictions, references, attributes, **options)
