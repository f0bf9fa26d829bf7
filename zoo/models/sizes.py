"""Published sizes of the encoder-decoder Transformer."""

ENCODER_DECODER_SIZES = {
    # Wu et al. 2021, https://arxiv.org/abs/2105.14462, the size that suits Multi30k.
    "tiny": dict(num_layers=4, hidden_dim=128, intermediate_dim=256, num_heads=4, dropout=0.3),
    # The IWSLT size of fairseq's transformer_iwslt_de_en.
    "small": dict(num_layers=6, hidden_dim=512, intermediate_dim=1024, num_heads=4, dropout=0.3),
    # Vaswani et al. 2017, table 3.
    "base": dict(num_layers=6, hidden_dim=512, intermediate_dim=2048, num_heads=8, dropout=0.1),
    "big": dict(num_layers=6, hidden_dim=1024, intermediate_dim=4096, num_heads=16, dropout=0.3),
}
