"""Tiny classifiers, made from configurations: every family that the wrappers are tested on."""

import torch
from transformers import (
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    BertConfig,
    ConvNextConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    ResNetConfig,
    SwinConfig,
    TimmWrapperConfig,
    ViTConfig,
)

_TEXT = {"vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}

IMAGE_CONFIGS = {
    "resnet": lambda: ResNetConfig(embedding_size=8, hidden_sizes=[8, 12, 16, 24], depths=[1, 1, 2, 1], layer_type="basic"),
    "convnext": lambda: ConvNextConfig(hidden_sizes=[8, 12, 16, 24], depths=[1, 1, 2, 1]),
    "swin": lambda: SwinConfig(image_size=32, patch_size=2, embed_dim=8, depths=[1, 1, 2, 1], num_heads=[2, 2, 2, 2], window_size=2),
    "vit": lambda: ViTConfig(image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32),
    "timm_resnet": lambda: TimmWrapperConfig(architecture="resnet10t", model_args={"channels": (8, 12, 16, 24), "stem_width": 8}),
    "timm_convnext": lambda: TimmWrapperConfig(architecture="convnext_atto", model_args={"depths": (1, 1, 2, 1), "dims": (8, 12, 16, 24)}),
    "timm_swin": lambda: TimmWrapperConfig(
        architecture="swin_tiny_patch4_window7_224",
        model_args={"img_size": 32, "patch_size": 2, "embed_dim": 8, "depths": (1, 1, 2, 1), "num_heads": (2, 2, 2, 2), "window_size": 2},
    ),
}
TEXT_CONFIGS = {
    "bert": lambda: BertConfig(**_TEXT),
    "distilbert": lambda: DistilBertConfig(vocab_size=99, dim=16, n_layers=2, n_heads=2, hidden_dim=32),
    "deberta_v2": lambda: DebertaV2Config(**_TEXT, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"]),
    "modernbert": lambda: ModernBertConfig(**_TEXT, pad_token_id=0, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2),
}
CONFIGS = {**IMAGE_CONFIGS, **TEXT_CONFIGS}

# One block of each network, by its path in the plain classifier.
BLOCK_PATHS = {
    "resnet": "resnet.encoder.stages.2.layers.0",
    "convnext": "convnext.encoder.stages.2.layers.0",
    "swin": "swin.encoder.layers.2.blocks.0",
    "vit": "vit.layers.0",
    "timm_resnet": "timm_model.layer3.0",
    "timm_convnext": "timm_model.stages.2.blocks.0",
    "timm_swin": "timm_model.layers.2.blocks.0",
    "bert": "bert.encoder.layer.0",
    "distilbert": "distilbert.transformer.layer.0",
    "deberta_v2": "deberta.encoder.layer.0",
    "modernbert": "model.layers.0",
}
STAGED = ("resnet", "convnext", "swin", "timm_resnet", "timm_convnext", "timm_swin")


def config(family: str, num_labels: int = 3) -> PreTrainedConfig:
    """Configuration of a tiny classifier."""
    made = CONFIGS[family]()
    made.num_labels = num_labels
    return made


def classifier(family: str, num_labels: int = 3, seed: int = 0):
    """A tiny plain classifier with seeded random weights, in evaluation mode."""
    torch.manual_seed(seed)
    auto = AutoModelForImageClassification if family in IMAGE_CONFIGS else AutoModelForSequenceClassification
    return auto.from_config(config(family, num_labels)).eval()


def batch(family: str, size: int = 4, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random inputs with labels and row_index."""
    generator = torch.Generator().manual_seed(seed)
    if family in IMAGE_CONFIGS:
        inputs = {"pixel_values": torch.randn(size, 3, 32, 32, generator=generator)}
    else:
        inputs = {"input_ids": torch.randint(3, 99, (size, 12), generator=generator), "attention_mask": torch.ones(size, 12, dtype=torch.int64)}
    return {**inputs, "labels": torch.arange(size) % 3, "row_index": torch.arange(size) * 7 + 5}
