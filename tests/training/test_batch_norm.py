import pytest
import tiny
import torch
from torch import nn

from hf_fairdropout import FairDropoutForImageClassification
from hf_fairdropout.training.batch_norm import batch_norms, freeze_batch_norm, reestimate_batch_norm


def test_frozen_statistics_stand_still_and_the_affine_part_trains():
    model = FairDropoutForImageClassification.from_base(tiny.classifier("resnet"), positions="dp4").train()
    before = [layer.running_mean.clone() for layer in batch_norms(model)]
    freeze_batch_norm(model)
    model(**tiny.batch("resnet")).loss.backward()
    assert all(torch.equal(layer.running_mean, old) for layer, old in zip(batch_norms(model), before, strict=True))
    assert batch_norms(model)[0].weight.grad.abs().sum() > 0
    assert model.training


def test_reestimation_is_the_average_over_batches_in_inference_mode():
    model = FairDropoutForImageClassification.from_base(tiny.classifier("resnet"), positions="dp3", p_gen=0.5).train()
    batches = [{"pixel_values": tiny.batch("resnet", seed=seed)["pixel_values"]} for seed in range(3)]
    stem = batch_norms(model)[0]
    momentum = stem.momentum
    assert reestimate_batch_norm(model, batches) == len(batch_norms(model))
    convolution = model.model.resnet.embedder.embedder.convolution
    activations = [convolution(batch["pixel_values"]).detach() for batch in batches]
    torch.testing.assert_close(stem.running_mean, torch.stack([a.mean((0, 2, 3)) for a in activations]).mean(0))
    torch.testing.assert_close(stem.running_var, torch.stack([a.var((0, 2, 3)) for a in activations]).mean(0))
    assert stem.momentum == momentum
    assert not model.training
    after = model.model.resnet.encoder.stages[2].layers[0].layer[0].normalization.running_mean.clone()
    model.train()
    for layer in batch_norms(model):
        layer.reset_running_stats()
    assert not torch.equal(after, model.model.resnet.encoder.stages[2].layers[0].layer[0].normalization.running_mean)


def test_without_batch_norm_nothing_happens():
    assert reestimate_batch_norm(nn.Linear(2, 2), []) == 0


@pytest.mark.parametrize("frozen", [True, False])
def test_the_argument_reaches_training(tmp_path, frozen):
    from training_setup import image_data, trainer_for

    model = FairDropoutForImageClassification.from_base(tiny.classifier("resnet"), positions="dp4")
    before = batch_norms(model)[0].running_mean.clone()
    trainer_for(model, image_data(), tmp_path, max_steps=2, freeze_batch_norm=frozen, eval_strategy="no", save_strategy="no").train()
    assert torch.equal(batch_norms(model)[0].running_mean, before) == frozen


def test_reestimation_after_training(tmp_path):
    from training_setup import image_data, trainer_for

    model = FairDropoutForImageClassification.from_base(tiny.classifier("resnet"), positions="dp4")
    trainer_for(model, image_data(), tmp_path, max_steps=1, reestimate_batch_norm=True, eval_strategy="no", save_strategy="no").train()
    assert int(batch_norms(model)[0].num_batches_tracked) == 6
