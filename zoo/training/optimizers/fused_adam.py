"""Adam's update of one variable with a kernel of TensorFlow."""


def fused_adam_step(optimizer, gradient, variable, learning_rate, weight_decay=None):
    """Decoupled decay, then what `keras.optimizers.Adam.update_step` does in one pass over memory where that takes ten.

    Under a strategy this is called for each replica's variable, within `extended.update`.

    Args:
        optimizer: A built `keras.optimizers.Adam` or `AdamW` without `amsgrad`, under TensorFlow.
        gradient: float tensor of the variable's shape.
        variable: `tf.Variable` of float32.
        learning_rate: float scalar.
        weight_decay: Decay per update and unit of learning rate, a float; None for no decay.
    """
    import tensorflow as tf

    learning_rate = tf.cast(learning_rate, "float32")
    if weight_decay:
        variable.assign(variable * (1.0 - learning_rate * weight_decay))
    index = optimizer._get_variable_index(variable)
    updates = tf.cast(optimizer.iterations + 1, "float32")
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=tf.pow(optimizer.beta_1, updates),
        beta2_power=tf.pow(optimizer.beta_2, updates),
        lr=learning_rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=tf.cast(gradient, "float32"),
    )
