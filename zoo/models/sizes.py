"""Published sizes of the models."""

from typing import Any

ENCODER_DECODER_SIZES: dict[str, dict[str, Any]] = {
    # Wu et al. 2021, https://arxiv.org/abs/2105.14462, the size that suits Multi30k.
    "tiny": dict(num_layers=4, hidden_dim=128, intermediate_dim=256, num_heads=4, dropout=0.3),
    # The IWSLT size of fairseq's transformer_iwslt_de_en.
    "small": dict(num_layers=6, hidden_dim=512, intermediate_dim=1024, num_heads=4, dropout=0.3),
    # Vaswani et al. 2017, table 3.
    "base": dict(num_layers=6, hidden_dim=512, intermediate_dim=2048, num_heads=8, dropout=0.1),
    "big": dict(num_layers=6, hidden_dim=1024, intermediate_dim=4096, num_heads=16, dropout=0.3),
}

# Turc et al. 2019, https://arxiv.org/abs/1908.08962 ("BERT miniatures"); base and large: Devlin et al. 2019, table 1.
ENCODER_SIZES: dict[str, dict[str, Any]] = {
    "tiny": dict(num_layers=2, hidden_dim=128, intermediate_dim=512, num_heads=2),
    "mini": dict(num_layers=4, hidden_dim=256, intermediate_dim=1024, num_heads=4),
    "small": dict(num_layers=4, hidden_dim=512, intermediate_dim=2048, num_heads=8),
    "medium": dict(num_layers=8, hidden_dim=512, intermediate_dim=2048, num_heads=8),
    "base": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12),
    "large": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16),
}

# Radford et al. 2019, table 2, by the names that the checkpoints were published under.
GPT2_SIZES: dict[str, dict[str, Any]] = {
    "small": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12),
    "medium": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16),
    "large": dict(num_layers=36, hidden_dim=1280, intermediate_dim=5120, num_heads=20),
    "xl": dict(num_layers=48, hidden_dim=1600, intermediate_dim=6400, num_heads=25),
}
