from pathlib import Path

from setuptools import find_packages, setup

PLOTS = ["matplotlib", "seaborn"]
SWEEP = ["optuna"]
TEST = ["pytest", "ruff", "peft", "onnx", "onnxruntime", "onnxscript"]

setup(
    name="hf_fairdropout",
    version="0.1.0",
    description="Example-tied dropout for Hugging Face models: classifiers that do not fail their minority groups",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["hf_fairdropout", "hf_fairdropout.*"]),
    install_requires=[
        "torch>=2.6",
        "transformers>=5.17",
        "datasets>=4.0",
        "accelerate>=1.10",
        "evaluate>=0.4.6",
        "timm>=1.0.20",
        "torchvision",
        "huggingface-hub>=1.0",
        "numpy",
        "pillow",
        "pyyaml",
        "scikit-learn>=1.7",
        "scipy",
        "torchmetrics>=1.4",
        "tqdm",
    ],
    extras_require={"plots": PLOTS, "sweep": SWEEP, "test": [*PLOTS, *SWEEP, *TEST]},
)
