//! Small pictures of maps, as PNG in the address of an `img`: a page that holds them needs nothing else.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::error::{Error, Result};
use crate::map::{Picture, Preview, RasterReader};
use crate::tile::Window;

/// A PNG and its size in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// `data:image/png;base64,…`
    pub address: String,
    pub width: usize,
    pub height: usize,
}

impl Image {
    /// Of a map cut out of its picture; ground without data is transparent.
    pub(super) fn of(picture: &Picture) -> Result<Self> {
        let height = picture.pixels.len() / picture.width.max(1);
        encode((picture.width, height), Paint::Rgb(picture.void), picture.pixels.as_flattened())
    }

    /// Of class values, line by line; values without a colour are transparent.
    pub(super) fn of_classes(width: usize, classes: &[u16], colors: &Colors) -> Result<Self> {
        let mut places: HashMap<u16, u8> = HashMap::new();
        let mut palette = vec![[0, 0, 0, 0]];
        for &class in classes {
            if places.contains_key(&class) {
                continue;
            }
            // A palette has 256 places; the map of more classes in one picture shows the rarest of them as no data.
            let place = match colors.0.get(&class) {
                Some(&[r, g, b]) if palette.len() < 256 => {
                    palette.push([r, g, b, 255]);
                    (palette.len() - 1) as u8
                }
                _ => 0,
            };
            places.insert(class, place);
        }
        let pixels: Vec<u8> = classes.iter().map(|c| places[c]).collect();
        encode((width, classes.len() / width.max(1)), Paint::Palette(&palette), &pixels)
    }

    /// Of a window of a class map, its longer side at most `side` pixels; a small one is enlarged, pixel by pixel.
    pub(super) fn of_window(map: &RasterReader, window: Window, side: usize, colors: &Colors) -> Result<Self> {
        let mut small = Preview::new(window.width, window.height, side, colors.1)?;
        for strip in map.strips() {
            let (top, bottom) = (strip.y.max(window.y), (strip.y + strip.height).min(window.y + window.height));
            if top < bottom {
                let part = Window { y: top, height: bottom - top, ..window };
                let here = Window { x: 0, y: top - window.y, ..part };
                small.add_classes(here, &map.classes(0, part)?)?;
            }
        }
        let (width, classes) = enlarged(small.width(), small.classes(), side);
        Self::of_classes(width, &classes, colors)
    }

    /// Of numbers, from the 2nd percentile (dark) to the 98th (light), as large as [`Image::of_window`].
    pub(super) fn of_numbers(map: &RasterReader, side: usize) -> Result<Self> {
        let mut small = Preview::new(map.map.samples, map.map.lines, side, 0)?;
        for strip in map.strips() {
            small.add_grey(strip, &map.numbers(0, strip)?)?;
        }
        let mut sorted: Vec<f32> = small.grey().iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = |percent: usize| sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0.0);
        let (low, high) = (at(2), at(98));
        let span = if high > low { high - low } else { 1.0 };
        let level = |v: &f32| if v.is_finite() { 1 + (((v - low) / span).clamp(0.0, 1.0) * 254.0) as u16 } else { 0 };
        let levels: Vec<u16> = small.grey().iter().map(level).collect();
        let greys = (1..=255).map(|l: u16| (l, [l as u8; 3]));
        let (width, levels) = enlarged(small.width(), &levels, side);
        Self::of_classes(width, &levels, &Colors(greys.collect(), 0))
    }
}

/// Width and values of a picture in which each pixel stands as often as `side` has room for.
fn enlarged(width: usize, values: &[u16], side: usize) -> (usize, Vec<u16>) {
    let lines = values.chunks_exact(width.max(1));
    let times = (side / width.max(lines.len()).max(1)).max(1);
    let wide = |line: &[u16]| line.iter().flat_map(|v| std::iter::repeat_n(*v, times)).collect::<Vec<u16>>();
    (width * times, lines.flat_map(|line| wide(line).repeat(times)).collect())
}

/// The colours of a map's values, and the value of no data.
pub(super) struct Colors(pub HashMap<u16, [u8; 3]>, pub u16);

/// What the bytes of a picture are.
enum Paint<'a> {
    /// Red, green and blue; one colour is transparent.
    Rgb([u8; 3]),
    /// Places in a palette of red, green, blue and opacity.
    Palette(&'a [[u8; 4]]),
}

fn encode((width, height): (usize, usize), paint: Paint<'_>, data: &[u8]) -> Result<Image> {
    let wrong = |e: png::EncodingError| Error::failed("a picture of the report", e);
    let side = |length: usize| u32::try_from(length).map_err(|e| Error::failed("a picture of the report", e));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_depth(png::BitDepth::Eight);
    match paint {
        Paint::Rgb(clear) => {
            encoder.set_color(png::ColorType::Rgb);
            // Sixteen bits a channel, whatever the picture has.
            encoder.set_trns(clear.iter().flat_map(|c| [0, *c]).collect::<Vec<u8>>());
        }
        Paint::Palette(palette) => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette.iter().flat_map(|c| c[..3].to_vec()).collect::<Vec<u8>>());
            encoder.set_trns(palette.iter().map(|c| c[3]).collect::<Vec<u8>>());
        }
    }
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(data).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    Ok(Image { address: format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&bytes)), width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_are_enlarged_by_a_whole_number() {
        assert_eq!(enlarged(2, &[1, 2, 3, 4], 5), (4, vec![1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]));
        assert_eq!(enlarged(3, &[1, 2, 3], 5), (3, vec![1, 2, 3]));
        assert_eq!(enlarged(9, &[7; 9], 5).0, 9, "never made smaller");
    }

    #[test]
    fn classes_become_pixels_of_their_colour() {
        let colors = Colors(HashMap::from([(1, [255, 0, 0]), (300, [0, 255, 0])]), 65_535);
        let image = Image::of_classes(2, &[1, 300, 65_535, 0], &colors).unwrap();
        assert_eq!((image.width, image.height), (2, 2));
        let bytes = BASE64_STANDARD.decode(image.address.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels[..8], [255, 0, 0, 255, 0, 255, 0, 255]);
        assert_eq!([pixels[11], pixels[15]], [0, 0]);
    }
}
