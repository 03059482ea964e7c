//! Colormaps: numbers between 0 and 1 as colours, by the names that matplotlib gives them.

use std::fmt;

/// A colour on the screen: red, green, blue.
pub type Rgb = [u8; 3];

/// What a value between 0 and 1 looks like, in 256 steps.
#[derive(Clone, PartialEq, Eq)]
pub struct Colormap {
    name: String,
    table: Vec<Rgb>,
}

impl fmt::Debug for Colormap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Colormap({})", self.name)
    }
}

/// How a map is made.
enum Recipe {
    /// A map of the `colorous` crate, which has matplotlib's perceptual maps.
    Known(colorous::Gradient),
    /// Colours at equal distances, straight lines between them.
    Even(&'static [u32]),
    /// Colours at given places, straight lines between them.
    Placed(&'static [(f64, [f64; 3])]),
}

/// Every map; each also exists from its end to its beginning, as `NAME_r`.
const MAPS: &[(&str, Recipe)] = &[
    ("viridis", Recipe::Known(colorous::VIRIDIS)),
    ("plasma", Recipe::Known(colorous::PLASMA)),
    ("magma", Recipe::Known(colorous::MAGMA)),
    ("inferno", Recipe::Known(colorous::INFERNO)),
    // Every fifth of matplotlib's colours: `colorous` has polynomials for these two, which are off by up to 36 of 255.
    (
        "cividis",
        Recipe::Even(&[
            0x00224e, 0x002656, 0x002a5f, 0x002d68, 0x003070, 0x083370, 0x163770, 0x203a6f,
            0x273e6e, 0x2e416d, 0x34456c, 0x3a486c, 0x3f4c6c, 0x444f6c, 0x49536c, 0x4e566c,
            0x535a6d, 0x575d6d, 0x5c616e, 0x60646f, 0x656870, 0x696b71, 0x6d6f72, 0x727274,
            0x767676, 0x7a7a78, 0x7e7d78, 0x838179, 0x888578, 0x8d8878, 0x928c78, 0x969077,
            0x9b9476, 0xa09875, 0xa59c74, 0xaaa073, 0xafa471, 0xb5a86f, 0xbaac6d, 0xbfb06b,
            0xc4b468, 0xc9b965, 0xcfbd62, 0xd4c15f, 0xdac65b, 0xdfca57, 0xe5cf52, 0xead34c,
            0xf0d846, 0xf6dd3f, 0xfce236, 0xfee838,
        ]),
    ),
    (
        "turbo",
        Recipe::Even(&[
            0x30123b, 0x36215f, 0x3b2f80, 0x3f3e9c, 0x424bb5, 0x4559cb, 0x4666dd, 0x4773eb,
            0x4680f6, 0x458cfd, 0x4099ff, 0x38a5fb, 0x2fb2f4, 0x27bee9, 0x1fc9dd, 0x1ad4d0,
            0x18ddc2, 0x1ae4b6, 0x22ebaa, 0x2ff19b, 0x3ff68a, 0x52fa7a, 0x65fd69, 0x79fe59,
            0x8bff4b, 0x9cfe40, 0xa9fb39, 0xb7f735, 0xc3f134, 0xd0ea34, 0xdbe236, 0xe5d938,
            0xeecf3a, 0xf5c53a, 0xfaba39, 0xfdae35, 0xfea130, 0xfe932a, 0xfc8423, 0xf9751d,
            0xf46617, 0xef5811, 0xe84b0c, 0xe14109, 0xd83706, 0xce2d04, 0xc32503, 0xb71d02,
            0xa91601, 0x9b0f01, 0x8b0902, 0x7a0403,
        ]),
    ),
    ("gray", Recipe::Even(&[0x000000, 0xffffff])),
    (
        "seismic",
        Recipe::Even(&[0x00004c, 0x0000ff, 0xffffff, 0xff0000, 0x800000]),
    ),
    ("bwr", Recipe::Even(&[0x0000ff, 0xffffff, 0xff0000])),
    // ColorBrewer's diverging map of eleven colours.
    (
        "RdBu",
        Recipe::Even(&[
            0x67001f, 0xb2182b, 0xd6604d, 0xf4a582, 0xfddbc7, 0xf7f7f7, 0xd1e5f0, 0x92c5de,
            0x4393c3, 0x2166ac, 0x053061,
        ]),
    ),
    // The sixteen named colours that distpy gives this map of a well-log viewer.
    (
        "UAVK",
        Recipe::Even(&[
            0xffffff, 0x000080, 0x0000ff, 0x4169e1, 0x00bfff, 0x00ffff, 0x98fb98, 0xadff2f,
            0xffff00, 0xffa500, 0xff8c00, 0xff4500, 0xff6347, 0xff0000, 0xb22222, 0xa52a2a,
        ]),
    ),
    (
        "hot",
        Recipe::Placed(&[
            (0.0, [0.0416, 0.0, 0.0]),
            (0.365079, [1.0, 0.0, 0.0]),
            (0.746032, [1.0, 1.0, 0.0]),
            (1.0, [1.0, 1.0, 1.0]),
        ]),
    ),
    // Where one of the three colours bends, the others are on their lines.
    (
        "jet",
        Recipe::Placed(&[
            (0.0, [0.0, 0.0, 0.5]),
            (0.11, [0.0, 0.0, 1.0]),
            (0.125, [0.0, 0.0, 1.0]),
            (0.34, [0.0, 0.86, 1.0]),
            (0.35, [0.0, 0.9, 0.96774]),
            (0.375, [0.080645, 1.0, 0.887097]),
            (0.64, [0.935484, 1.0, 0.032258]),
            (0.65, [0.967742, 0.962963, 0.0]),
            (0.66, [1.0, 0.925926, 0.0]),
            (0.89, [1.0, 0.074074, 0.0]),
            (0.91, [0.909091, 0.0, 0.0]),
            (1.0, [0.5, 0.0, 0.0]),
        ]),
    ),
];

impl Colormap {
    /// The map of a name. Letters may be large or small.
    ///
    /// # Errors
    /// What was found, and every name that is known.
    pub fn named(name: &str) -> Result<Self, String> {
        let (stem, reversed) = match name.strip_suffix("_r") {
            Some(stem) => (stem, true),
            None => (name, false),
        };
        // `grey` is how half of the world spells it.
        let stem = if stem.eq_ignore_ascii_case("grey") {
            "gray"
        } else {
            stem
        };
        let known = MAPS.iter().find(|(n, _)| n.eq_ignore_ascii_case(stem));
        let Some((known, recipe)) = known else {
            return Err(format!(
                "found \"{name}\", expected one of {}, or one of them with _r behind it, which turns it round",
                names().collect::<Vec<_>>().join(", ")
            ));
        };
        let mut table: Vec<Rgb> = (0..256).map(|k| recipe.at(f64::from(k) / 255.0)).collect();
        if reversed {
            table.reverse();
        }
        Ok(Self {
            name: format!("{known}{}", if reversed { "_r" } else { "" }),
            table,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The colour of a value; below 0 and above 1 the ends'. NaN has none.
    pub fn colour(&self, value: f64) -> Option<Rgb> {
        (!value.is_nan()).then(|| self.table[(value * 256.0).clamp(0.0, 255.0) as usize])
    }

    /// The map in so many steps of equal width, each in the colour of its middle.
    pub fn in_steps(&self, count: usize) -> Self {
        let count = count.max(1);
        let step = |k: usize| ((k * count) / 256).min(count - 1);
        let middle = |k: usize| (2 * step(k) + 1) * 128 / count;
        let table = (0..256).map(|k| self.table[middle(k).min(255)]);
        Self {
            name: self.name.clone(),
            table: table.collect(),
        }
    }

    /// The 256 colours from the lowest to the highest.
    pub fn table(&self) -> &[Rgb] {
        &self.table
    }
}

/// The names of all maps.
pub fn names() -> impl Iterator<Item = &'static str> {
    MAPS.iter().map(|(name, _)| *name)
}

impl Recipe {
    fn at(&self, t: f64) -> Rgb {
        match self {
            Recipe::Known(gradient) => gradient.eval_continuous(t).as_array(),
            Recipe::Even(colours) => {
                let place = t * (colours.len() - 1) as f64;
                let k = (place as usize).min(colours.len() - 2);
                let [from, to] = [colours[k], colours[k + 1]].map(|c| {
                    let [_, r, g, b] = c.to_be_bytes();
                    [r, g, b].map(f64::from)
                });
                between(from, to, place - k as f64)
            }
            Recipe::Placed(stops) => {
                let k = stops.partition_point(|(at, _)| *at <= t).max(1);
                let k = k.min(stops.len() - 1);
                let ((a, from), (b, to)) = (stops[k - 1], stops[k]);
                between(
                    from.map(|v| v * 255.0),
                    to.map(|v| v * 255.0),
                    (t - a) / (b - a),
                )
            }
        }
    }
}

fn between(from: [f64; 3], to: [f64; 3], part: f64) -> Rgb {
    std::array::from_fn(|c| (from[c] + (to[c] - from[c]) * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// matplotlib's own colours at 0, 64, 128, 192 and 255 of 255.
    #[test]
    fn maps_are_those_of_matplotlib() {
        let known: &[(&str, [Rgb; 5])] = &MATPLOTLIB;
        for (name, colours) in known {
            let map = Colormap::named(name).expect("known");
            for (at, expected) in [0, 64, 128, 192, 255].into_iter().zip(colours) {
                let found = map.table()[at];
                let far = found
                    .iter()
                    .zip(expected)
                    .map(|(a, b)| a.abs_diff(*b))
                    .max();
                // Between the colours that the recipes give, straight lines differ from matplotlib's by so much; no eye sees it.
                assert!(far <= Some(3), "{name}[{at}]: {found:?}, {expected:?}");
            }
        }
    }

    #[test]
    fn a_map_can_be_turned_round() {
        let [there, back] = ["magma", "magma_r"].map(|n| Colormap::named(n).expect("known"));
        assert_eq!(there.colour(0.0), back.colour(1.0));
        assert_eq!(back.name(), "magma_r");
        assert_eq!(there.colour(-3.0), there.colour(0.0));
        assert_eq!(there.colour(f64::NAN), None);
    }

    #[test]
    fn an_unknown_map_names_the_known() {
        let error = Colormap::named("virides").expect_err("no such map");
        assert!(error.starts_with("found \"virides\", expected one of viridis, plasma,"));
        assert!(error.contains("UAVK"), "{error}");
    }

    const MATPLOTLIB: [(&str, [Rgb; 5]); 13] = [
        (
            "viridis",
            [
                [68, 1, 84],
                [59, 82, 139],
                [33, 145, 140],
                [94, 201, 98],
                [253, 231, 37],
            ],
        ),
        (
            "plasma",
            [
                [13, 8, 135],
                [126, 3, 168],
                [204, 71, 120],
                [248, 149, 64],
                [240, 249, 33],
            ],
        ),
        (
            "magma",
            [
                [0, 0, 4],
                [81, 18, 124],
                [183, 55, 121],
                [252, 137, 97],
                [252, 253, 191],
            ],
        ),
        (
            "inferno",
            [
                [0, 0, 4],
                [87, 16, 110],
                [188, 55, 84],
                [249, 142, 9],
                [252, 255, 164],
            ],
        ),
        (
            "cividis",
            [
                [0, 34, 78],
                [67, 78, 108],
                [125, 124, 120],
                [188, 174, 108],
                [254, 232, 56],
            ],
        ),
        (
            "turbo",
            [
                [48, 18, 59],
                [40, 188, 235],
                [164, 252, 60],
                [251, 126, 33],
                [122, 4, 3],
            ],
        ),
        (
            "gray",
            [
                [0, 0, 0],
                [64, 64, 64],
                [128, 128, 128],
                [192, 192, 192],
                [255, 255, 255],
            ],
        ),
        (
            "seismic",
            [
                [0, 0, 76],
                [1, 1, 255],
                [255, 253, 253],
                [254, 0, 0],
                [128, 0, 0],
            ],
        ),
        (
            "bwr",
            [
                [0, 0, 255],
                [128, 128, 255],
                [255, 254, 254],
                [255, 126, 126],
                [255, 0, 0],
            ],
        ),
        (
            "RdBu",
            [
                [103, 0, 31],
                [229, 131, 104],
                [246, 247, 247],
                [104, 171, 208],
                [5, 48, 97],
            ],
        ),
        (
            "UAVK",
            [
                [255, 255, 255],
                [15, 171, 248],
                [216, 255, 22],
                [255, 78, 21],
                [165, 42, 42],
            ],
        ),
        (
            "hot",
            [
                [11, 0, 0],
                [179, 0, 0],
                [255, 92, 0],
                [255, 255, 7],
                [255, 255, 255],
            ],
        ),
        (
            "jet",
            [
                [0, 0, 128],
                [0, 128, 255],
                [125, 255, 122],
                [255, 148, 0],
                [128, 0, 0],
            ],
        ),
    ];
}
