//! A picture in memory: rectangles, anti-aliased text, PNG.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};

use super::color::Rgb;
use crate::error::{Error, Result};

/// An RGB picture with a font.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
    font: FontRef<'static>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, background: Rgb) -> Result<Self> {
        Ok(Self { width, height, pixels: vec![background; width * height], font: font()? })
    }

    pub(super) fn set(&mut self, x: usize, y: usize, color: Rgb) {
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = color;
        }
    }

    fn blend(&mut self, x: i64, y: i64, color: Rgb, cover: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let under = &mut self.pixels[y * self.width + x];
            *under = mix(*under, color, cover);
        }
    }

    pub(super) fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        for line in y..y + height {
            for column in x..x + width {
                self.set(column, line, color);
            }
        }
    }

    /// The outline just outside of a rectangle, one pixel thick.
    pub(super) fn frame(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        let (left, top) = (x.saturating_sub(1), y.saturating_sub(1));
        self.rectangle(left, top, width + 2, 1, color);
        self.rectangle(left, y + height, width + 2, 1, color);
        self.rectangle(left, top, 1, height + 2, color);
        self.rectangle(x + width, top, 1, height + 2, color);
    }

    /// A rectangle with round corners, anti-aliased.
    pub(super) fn swatch(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        const RADIUS: f32 = 3.5;
        for line in 0..height {
            for column in 0..width {
                let beyond = |at: usize, length: usize| {
                    let centre = at as f32 + 0.5;
                    (RADIUS - centre).max(centre - (length as f32 - RADIUS)).max(0.0)
                };
                let distance = beyond(column, width).hypot(beyond(line, height));
                let cover = (RADIUS + 0.5 - distance).clamp(0.0, 1.0);
                self.blend((x + column) as i64, (y + line) as i64, color, cover);
            }
        }
    }

    /// Text with its left end at `x` and its base line at `y`; `size` in pixels.
    pub(super) fn text(&mut self, x: f32, y: f32, size: f32, color: Rgb, text: &str) {
        let (glyphs, _) = self.layout(x, y, size, text);
        for glyph in glyphs {
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, cover| {
                // The light font is thin at small sizes; a gamma gives it some weight.
                let cover = cover.clamp(0.0, 1.0).powf(0.72);
                self.blend(corner.x as i64 + i64::from(dx), corner.y as i64 + i64::from(dy), color, cover);
            });
        }
    }

    /// Text with its right end at `x`.
    pub(super) fn text_right(&mut self, x: f32, y: f32, size: f32, color: Rgb, text: &str) {
        let width = self.layout(0.0, 0.0, size, text).1;
        self.text(x - width, y, size, color, text);
    }

    /// The text, or as much of it as fits into `width` pixels, with an ellipsis.
    pub(super) fn fitted(&self, text: &str, size: f32, width: f32) -> String {
        // No line of a picture has more characters than this; a name may be 10 kB long.
        let short: String = text.chars().take(400).collect();
        if short.len() == text.len() && self.layout(0.0, 0.0, size, text).1 <= width {
            return short;
        }
        let mut kept: Vec<char> = short.chars().collect();
        while !kept.is_empty() {
            let tried = format!("{}…", kept.iter().collect::<String>().trim_end());
            if self.layout(0.0, 0.0, size, &tried).1 <= width {
                return tried;
            }
            kept.pop();
        }
        String::new()
    }

    fn layout(&self, x: f32, y: f32, size: f32, text: &str) -> (Vec<Glyph>, f32) {
        let font = self.font.as_scaled(PxScale::from(size));
        let (mut glyphs, mut at, mut last) = (Vec::new(), x, None);
        for c in text.chars() {
            // Signs that the font lacks (an emoji, a script) are shown as a question mark, not as an empty box.
            let id = match font.glyph_id(c) {
                id if id.0 == 0 => font.glyph_id('?'),
                id => id,
            };
            at += last.map_or(0.0, |last| font.kern(last, id));
            glyphs.push(id.with_scale_and_position(size, point(at, y)));
            at += font.h_advance(id);
            last = Some(id);
        }
        (glyphs, at - x)
    }

    /// The picture as PNG, with a word about it and what the word stands for. The same picture gives the same bytes.
    pub(super) fn png(&self, (key, value): (&str, &str)) -> Result<Vec<u8>> {
        let wrong = |e: png::EncodingError| Error::failed("quicklook", e);
        let side = |length: usize| u32::try_from(length).map_err(|e| Error::failed("quicklook", e));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width)?, side(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::RelativeColorimetric);
        // A fifth larger than the default, in a tenth of the time.
        encoder.set_compression(png::Compression::Fast);
        encoder.add_text_chunk(key.to_owned(), value.to_owned()).map_err(wrong)?;
        let mut writer = encoder.write_header().map_err(wrong)?;
        writer.write_image_data(self.pixels.as_flattened()).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        Ok(bytes)
    }
}

/// `part` of the way from one colour to another.
pub(super) fn mix(from: Rgb, to: Rgb, part: f32) -> Rgb {
    std::array::from_fn(|i| (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * part + 0.5) as u8)
}

fn font() -> Result<FontRef<'static>> {
    FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).map_err(|e| Error::failed("the built-in font", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_its_place_and_hostile_text_is_harmless() {
        let mut canvas = Canvas::new(60, 30, [255; 3]).unwrap();
        assert_eq!(canvas.fitted("Alunite", 16.0, 200.0), "Alunite");
        let long = "Kaolinite ".repeat(2000);
        let cut = canvas.fitted(&long, 16.0, 120.0);
        assert!(cut.ends_with('…') && canvas.layout(0.0, 0.0, 16.0, &cut).1 <= 120.0, "{cut}");
        for text in ["🪨 أ \u{202E}", "", &long] {
            canvas.text(-1e6, 3e9, 16.0, [0; 3], text);
            canvas.text(-5.0, 12.0, 16.0, [0; 3], text);
        }
        canvas.rectangle(50, 20, 100, 100, [1; 3]);
        assert!(canvas.png(("word", "")).unwrap().len() > 60);
    }
}
