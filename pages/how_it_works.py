"""How style transfer works, in pictures made by the same code."""

import streamlit as st

from pages.shared.address import write_address
from pages.shared.entrance import come_in
from pages.shared.own_styles import style_title, tile_picture
from pages.shared.painting import WORKING_SIDE, Look, encode_screen, paint, read_photo
from pages.shared.pictures import SAMPLES, explaining_path, sentence
from stylecore.errors import WeightsError
from stylecore.styles.catalog import get_style

LAYERS = {
    "relu1_1": "first",
    "relu2_1": "second",
    "relu3_1": "third",
    "relu4_1": "fourth",
    "relu5_1": "fifth",
}
DIAL = (0.25, 1, 4, 16, 256)
BETWEEN = ("the_wave", "mosaic")  # styles between which the visitor slides
BETWEEN_SIDE = 480  # px, long side of the painting between them


def row(pictures: list[tuple[str, str, str]]) -> None:
    """Show pictures side by side, each given as file name, caption and alternative text."""
    with st.grid(max(5, len(pictures)), min_column_width=112, gap="xsmall"):
        for name, caption, alt in pictures:
            st.image(explaining_path(name).read_bytes(), caption=caption, width="stretch", alt=alt)


@st.cache_data(max_entries=11, show_spinner=False)
def painted_between(share: int) -> bytes:
    """Paint a sample with the mean of the rows of two styles; `share` is that of the second in percent."""
    photo = read_photo(SAMPLES["temple"].path.read_bytes(), max_side=BETWEEN_SIDE)
    first, second = (get_style(name) for name in BETWEEN)
    look = Look(((first, 100 - share), (second, share)), stroke_scale=WORKING_SIDE / BETWEEN_SIDE)
    return encode_screen(paint(photo, look))


def show_between() -> None:
    """Show a slider between two styles, and the painting at its place."""
    first, second = (get_style(name) for name in BETWEEN)
    count = first.network(fine=True)[1].size
    st.markdown(
        f"One network paints all ready-made styles. What it is told of each are {count:,} numbers: a scale "
        "and a shift for each of its feature maps. Between two styles lie others that nobody has painted."
    )
    with st.grid(2, min_column_width=280, gap="small"):
        with st.container():
            share = st.slider(
                f"From {style_title(first)} to {style_title(second)}",
                min_value=0,
                max_value=100,
                value=50,
                step=10,
                format="%d%%",
                key="between",
            )
            with st.grid(2, gap="xsmall"):
                for style in (first, second):
                    title = style_title(style)
                    st.image(tile_picture(style), caption=title, width="stretch", alt=title)
        alt = f"The photo, painted {share}% of the way from the first style to the second"
        st.image(painted_between(share), width="stretch", alt=alt)


come_in()
write_address()
st.header("How a photo becomes a painting", anchor=False)
st.markdown(
    "A network that was trained to name things in photos, **VGG19**, sees a picture in layers: edges and "
    "colors first, then textures, then parts of things. Two ideas make style transfer out of it."
)

st.subheader("What is where: the content", anchor=False)
st.markdown(
    "Start from noise and change its pixels until one layer of VGG19 responds to it as it does to the "
    "photo. A low layer brings back every pixel. A deep one brings back what is where, but not the exact "
    "colors and lines: this is what a painting has to keep."
)
row(
    [("photo", "The photo", "The photo")]
    + [
        (f"content_{layer}", layer, f"The photo as the {place} group of layers remembers it")
        for layer, place in LAYERS.items()
    ]
)

st.subheader("How it is done: the style", anchor=False)
st.markdown(
    "Now ignore where things are, and note only which features of a layer appear together: this table is a "
    "**Gram matrix**. Noise that is changed until its matrices match those of a painting becomes a "
    "texture by the same hand, with larger and larger strokes as deeper layers are added."
)
row(
    [("style", "The style", "The style picture, a mosaic")]
    + [
        (f"style_{layer}", f"to {layer}", f"Texture made of the style up to the {place} group of layers")
        for layer, place in LAYERS.items()
    ]
)
st.markdown(
    "The matrices themselves, at relu2_1: the painting's is far closer to the style's than the photo's."
)
row(
    [
        ("gram_photo", "Photo", "Gram matrix of the photo, mostly dark"),
        ("gram_painting", "Painting", "Gram matrix of the painting, much like that of the style"),
        ("gram_style", "Style", "Gram matrix of the style picture"),
    ]
)

st.subheader("From photo to texture", anchor=False)
st.markdown(
    "A painting is a picture that has both: the photo's content and the painting's style, in some proportion."
)
row(
    [
        (f"dial_{weight:g}", f"style x {weight:g}", f"The photo painted with a style weight of {weight:g}")
        for weight in DIAL
    ]
)

st.subheader("Instant, or optimized", anchor=False)
WAYS = {
    "Instant styles": "A small network that was trained for hours on these styles paints in one pass, in a "
    "fraction of a second. Each style is a row of numbers.",
    "Your own style, at once": "A second network reads the numbers of a style from any picture. It was "
    "trained on hundreds of paintings, so that the first network paints in a style that it has never seen.",
    "Your own style, closer": "From there the numbers, and the network with them, are trained on: in some "
    "twenty seconds for your photo alone, or in minutes for any photo. The result paints as fast as the "
    "ready-made styles.",
    "Your own style, refined": "The pixels themselves are changed, step by step, until both content and "
    "style fit. Works with any style picture, takes a minute or more, and gives the finest result.",
}
with st.grid(len(WAYS), min_column_width=240, gap="small"):
    for title, text in WAYS.items():
        with st.container(border=True):
            st.markdown(f"**{title}**")
            st.markdown(text)

st.subheader("A style is a row of numbers", anchor=False)
try:
    show_between()
except WeightsError as error:  # the rest of the page needs no styles
    st.caption(sentence(error))

st.subheader("Where: a part of the photo", anchor=False)
st.markdown(
    "A small network, **U²-Net**, learned from thousands of cut-outs what a photo is of. It sees the photo "
    "at 320 x 320 pixels, so that its mask is coarse; a **guided filter** then moves the mask's border onto "
    "the edges of the photo. Before the background is painted, its colors are continued a little way under "
    "the subject, so that no strokes show its outline. Then the mask mixes the painting with the photo, or "
    "with a second painting."
)
row(
    [
        ("where_photo", "The photo", "A portrait of an astronaut"),
        ("where_coarse", "The network's mask", "A coarse white silhouette of her"),
        ("where_subject", "With the photo's edges", "The silhouette with fine edges"),
        (
            "where_continued",
            "What is painted",
            "The photo, with the background's colors along the outline",
        ),
        (
            "where_background",
            "The background alone",
            "The astronaut as in the photo, before a painted background",
        ),
        ("where_both", "Two styles", "The astronaut in one style, the background in another"),
    ]
)

st.subheader("A look instead of a style", anchor=False)
st.markdown(
    "A **photo look** changes nothing but light and colors. At once, a single transform of all colors gives "
    "them the mean and the spread of the other picture's. Refining then fits a grid of such transforms, for "
    "16 x 16 places and 8 steps of brightness in each, until VGG19 sees the other picture's statistics. The "
    "color of a pixel becomes a mixture of its own red, green and blue, and its neighbors are mixed alike: "
    "so no stroke and no new edge can appear, and the same grid fits the photo at any size."
)
row(
    [
        ("look_photo", "The photo", "A temple at noon"),
        ("look_reference", "The light", "The picture whose light and colors it takes"),
        ("look_instant", "At once", "The temple with its colors transformed as a whole"),
        ("look_refined", "Refined", "The temple with its colors transformed place by place"),
        (
            "look_gray",
            "What it makes of gray",
            "Gray in other colors at other places, as the grid changes it",
        ),
    ]
)

st.subheader("Your pictures stay yours", anchor=False)
st.markdown(
    "Photos are painted on this app's own machine, in memory: none is written to disk, put in a log, sent "
    "elsewhere or used for training. Refined paintings and finished batches, with the photos shown next to "
    "them, are kept in memory for a while so that a reload finds them again, at addresses that cannot be "
    "guessed: anyone who has the address can see them. All are gone when the app restarts. "
    "The live camera and drawings are painted in your own browser: a picture leaves it only when you take "
    "one, or have one painted large."
)

st.subheader("Sources and licenses", anchor=False)
st.markdown(
    """
- Gatys, Ecker, Bethge: *A Neural Algorithm of Artistic Style* (2015), *Image Style Transfer Using
  Convolutional Neural Networks* (2016): content, Gram matrices, optimization
- Johnson, Alahi, Fei-Fei: *Perceptual Losses for Real-Time Style Transfer and Super-Resolution* (2016):
  one pass
- Dumoulin, Shlens, Kudlur: *A Learned Representation for Artistic Style* (2017): many styles in one
  network, and blends
- Ghiasi, Lee, Kudlur, Dumoulin, Shlens: *Exploring the structure of a real-time, arbitrary neural artistic
  stylization network* (2017): a network that reads the numbers of a style
- Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: *U²-Net: Going Deeper with Nested U-Structure for Salient
  Object Detection* (2020): the subject of a photo
- He, Sun, Tang: *Guided Image Filtering* (2013): masks with the edges of the photo
- Huang, Belongie: *Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization* (2017):
  the sketch with which refining begins
- Pitié, Kokaram: *The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer*
  (2007): the photo look at once
- Chen, Paris, Durand: *Real-time edge-aware image processing with the bilateral grid* (2007), and Gharbi and
  others: *Deep bilateral learning for real-time image enhancement* (2017): the grid of color transforms
- Simonyan, Zisserman: *Very Deep Convolutional Networks for Large-Scale Image Recognition* (2014): VGG19

The paintings are in the public domain or generated by this project; each is credited under the picture that
is painted like it.
The code and the trained networks are free under the MIT license; VGG19's weights are CC BY 4.0,
those of U²-Net are under the Apache License 2.0.
"""
)
