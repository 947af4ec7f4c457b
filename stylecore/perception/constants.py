"""Style layers and style weight that measure, training and optimization share."""

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # Gatys et al. (2016), section 2.3
STYLE_WEIGHT = 4.0  # of the style loss in the total, where the content loss counts once
