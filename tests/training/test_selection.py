import pytest

from hf_fairdropout import FairDropoutTrainingArguments
from hf_fairdropout.training.selection import check_rule_name


def arguments(tmp_path, **options):
    return FairDropoutTrainingArguments(str(tmp_path), report_to="none", use_cpu=True, **options)


def test_defaults_select_by_worst_class_without_attributes(tmp_path):
    args = arguments(tmp_path)
    assert args.metric_for_best_model == "worst_class_accuracy"
    assert args.greater_is_better
    assert args.load_best_model_at_end
    assert (args.eval_strategy, args.save_strategy) == ("epoch", "epoch")
    assert arguments(tmp_path, attributes="known").metric_for_best_model == "worst_group_accuracy"
    assert not arguments(tmp_path, metric_for_best_model="log_loss").greater_is_better
    assert not arguments(tmp_path, eval_strategy="no").load_best_model_at_end


@pytest.mark.parametrize("rule", ["worst_group_accuracy", "eval_worst_group_accuracy", "adjusted_accuracy", "group_accuracy/0-4/blue"])
def test_group_rules_are_refused_as_leaks(tmp_path, rule):
    with pytest.raises(ValueError, match="a leak"):
        arguments(tmp_path, metric_for_best_model=rule)
    assert arguments(tmp_path, metric_for_best_model=rule, attributes="known").metric_for_best_model == rule


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gdro"}, "method='gdro' is unknown; choose one of erm"),
        ({"method": "fairdropout"}, "FairDropout is the model"),
        ({"attributes": "some"}, "attributes='some'"),
        ({"method_arguments": {"eta": 1}}, "method 'erm' has none"),
    ],
)
def test_bad_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        arguments(tmp_path, **options)


@pytest.mark.parametrize(("rule", "hint"), [("worst_clas_accuracy", "did you mean worst_class_accuracy"), ("zzz", "choose one of average_accuracy")])
def test_rules_that_are_no_metric_are_refused(rule, hint):
    with pytest.raises(ValueError, match=hint):
        check_rule_name(rule)
    check_rule_name("eval_loss")
    check_rule_name("keep_worst_class_accuracy")
