"""Greedy continuations of prompts by several programs, each as one round of a benchmark.

Each function imports what its program needs and returns a function of the batch size that continues the first so many
prompts and returns them as `rows`: texts, or token ids without those of the prompt.
"""


def saved_model_batches(directory, texts, new_tokens, threads):
    """An exported text generator, text to text, loaded with nothing but TensorFlow and TensorFlow Text."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tensorflow_text  # noqa: F401 - its operations are in the graph

    loaded = tf.saved_model.load(directory)
    generate = loaded.signatures["generate"]
    inputs = generate.structured_input_signature[1]
    defaults = {
        "temperature": 0.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "seed": 0,
        "stop": "",
        "so_far": "",
    }

    def work(batch_size, new_tokens=new_tokens):
        controls = {**defaults, "max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
        # Exports have as many controls as there were when they were made.
        rows = {
            name: tf.fill([batch_size], tf.constant(value, inputs[name].dtype))
            for name, value in controls.items()
            if name in inputs
        }
        found = generate(text=tf.constant(texts[:batch_size]), **rows)
        return {"rows": [text.decode() for text in found["text"].numpy()]}

    # The signature's variables live as long as the object that was loaded.
    work.loaded = loaded
    return work


def ctranslate2_batches(directory, token_ids, new_tokens, threads):
    """CTranslate2 in float32, token ids to token ids; the directory is converted first."""
    import tempfile
    from pathlib import Path

    import ctranslate2
    import transformers
    from ctranslate2.specs import TransformerDecoderModelSpec, common_spec

    model = transformers.AutoModelForCausalLM.from_pretrained(directory)
    config = model.config
    if config.model_type == "gpt2":
        spec = TransformerDecoderModelSpec.from_config(
            config.n_layer, config.n_head, pre_norm=True, activation=common_spec.Activation.GELUTanh
        )
        loader = ctranslate2.converters.transformers.GPT2Loader()
        loader.set_decoder(spec.decoder, model.transformer)
        loader.set_linear(spec.decoder.projection, model.lm_head)
    else:
        spec = ctranslate2.converters.transformers.LlamaLoader().get_model_spec(model)
    tokens = [str(i) for i in range(config.vocab_size)]
    spec.register_vocabulary(tokens)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = tokens[-1]
    with tempfile.TemporaryDirectory() as parent:
        converted = Path(parent) / "model"
        spec.validate()
        spec.optimize()
        converted.mkdir()
        spec.save(str(converted))
        generator = ctranslate2.Generator(
            str(converted), device="cpu", compute_type="float32", inter_threads=1, intra_threads=threads
        )
    prompts = [[tokens[i] for i in row] for row in token_ids]

    def work(batch_size):
        found = generator.generate_batch(
            prompts[:batch_size],
            max_length=new_tokens,
            min_length=new_tokens,
            sampling_topk=1,
            beam_size=1,
            include_prompt_in_result=False,
        )
        return {"rows": [list(result.sequences_ids[0]) for result in found]}

    return work


def transformers_batches(directory, token_ids, new_tokens, threads):
    """transformers on PyTorch, eager, token ids to token ids."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(directory).eval()

    def work(batch_size):
        prompts = torch.tensor(token_ids[:batch_size])
        options = dict(max_new_tokens=new_tokens, min_new_tokens=new_tokens, do_sample=False, pad_token_id=0)
        with torch.inference_mode():
            found = model.generate(prompts, attention_mask=torch.ones_like(prompts), **options)
        return {"rows": found[:, prompts.shape[1] :].tolist()}

    return work


def keras_hub_batches(directory, token_ids, new_tokens, threads, jit_compile="auto"):
    """KerasHub's GPT2CausalLM on TensorFlow, without XLA unless asked for (on CPUs), token ids to token ids."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import keras_hub
    import numpy as np
    import transformers

    model = transformers.GPT2LMHeadModel.from_pretrained(directory)
    config = model.config
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=config.vocab_size,
        num_layers=config.n_layer,
        num_heads=config.n_head,
        hidden_dim=config.n_embd,
        intermediate_dim=4 * config.n_embd,
        max_sequence_length=config.n_positions,
        dropout=0.0,
    )
    state = {name: value.detach().numpy() for name, value in model.transformer.state_dict().items()}
    backbone.token_embedding.embeddings.assign(state["wte.weight"])
    backbone.position_embedding.position_embeddings.assign(state["wpe.weight"])
    width, heads = config.n_embd, config.n_head
    for index, block in enumerate(backbone.transformer_layers):
        part = {name.split(".", 2)[2]: value for name, value in state.items() if name.startswith(f"h.{index}.")}
        attention = block._self_attention_layer
        kernels = np.split(part["attn.c_attn.weight"], 3, axis=1)
        biases = np.split(part["attn.c_attn.bias"], 3)
        layers = (attention.query_dense, attention.key_dense, attention.value_dense)
        for layer, kernel, bias in zip(layers, kernels, biases, strict=True):
            layer.kernel.assign(kernel.reshape(width, heads, width // heads))
            layer.bias.assign(bias.reshape(heads, width // heads))
        attention.output_dense.kernel.assign(part["attn.c_proj.weight"].reshape(heads, width // heads, width))
        attention.output_dense.bias.assign(part["attn.c_proj.bias"])
        for layer, name in (
            (block._self_attention_layer_norm, "ln_1"),
            (block._feedforward_layer_norm, "ln_2"),
        ):
            layer.gamma.assign(part[f"{name}.weight"])
            layer.beta.assign(part[f"{name}.bias"])
        for layer, name in (
            (block._feedforward_intermediate_dense, "mlp.c_fc"),
            (block._feedforward_output_dense, "mlp.c_proj"),
        ):
            layer.kernel.assign(part[f"{name}.weight"])
            layer.bias.assign(part[f"{name}.bias"])
    backbone.layer_norm.gamma.assign(state["ln_f.weight"])
    backbone.layer_norm.beta.assign(state["ln_f.bias"])
    generator = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    generator.compile(sampler="greedy", jit_compile=jit_compile)

    def work(batch_size):
        prompts = np.array(token_ids[:batch_size], "int32")
        padding = np.zeros((batch_size, new_tokens), "int32")
        inputs = {
            "token_ids": np.concatenate([prompts, padding], axis=1),
            "padding_mask": np.concatenate([np.ones_like(prompts), padding], axis=1).astype(bool),
        }
        found = generator.generate(inputs, stop_token_ids=None)["token_ids"]
        return {"rows": np.asarray(found)[:, prompts.shape[1] :].tolist()}

    return work
