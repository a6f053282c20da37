//! The map alone, cut out of its picture: the picture says where in it the map lies.

use super::color::Rgb;
use super::quicklook::VOID;
use crate::error::{Error, Result};

/// The word of the PNG's text that tells the place.
pub(super) const PLACE: &str = "alunite:map";

/// Left, top, width and height in pixels, as the PNG tells them.
pub(super) fn place(x: usize, y: usize, width: usize, height: usize) -> String {
    format!("{x} {y} {width} {height}")
}

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Red, green and blue, line by line.
    pub pixels: Vec<Rgb>,
    /// The colour of ground without data.
    pub void: Rgb,
}

/// The map of a picture that [`super::quicklook::png`] made: without heading, legend and captions.
///
/// # Errors
/// Refuses what is no such picture.
pub fn map_of(quicklook: &[u8]) -> Result<Picture> {
    let wrong = |what: &dyn std::fmt::Display| Error::refused("quicklook.png", what).hint("make the map again");
    let decoder = png::Decoder::new(std::io::Cursor::new(quicklook));
    let mut reader = decoder.read_info().map_err(|e| wrong(&e))?;
    let size = reader.output_buffer_size().ok_or_else(|| wrong(&"too large a picture"))?;
    let info = reader.info();
    let all = info.width as usize;
    let told = info.uncompressed_latin1_text.iter().find(|t| t.keyword == PLACE).map(|t| t.text.clone());
    let told = told.ok_or_else(|| wrong(&"does not tell where in it the map is"))?;
    let numbers: Vec<usize> = told.split(' ').filter_map(|n| n.parse().ok()).collect();
    let &[x, y, width, height] = &numbers[..] else { return Err(wrong(&format!("the map's place is '{told}'"))) };
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|e| wrong(&e))?;
    if (frame.color_type, frame.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) || width == 0 {
        return Err(wrong(&"not a picture of eight bits in red, green and blue"));
    }
    let (pixels, _) = bytes.as_chunks::<3>();
    let line = |line: usize| pixels.get(line * all..)?.get(x..x.checked_add(width)?).filter(|_| x + width <= all);
    let lines: Option<Vec<&[Rgb]>> = (y..y.saturating_add(height).min(y + pixels.len())).map(line).collect();
    let lines = lines.ok_or_else(|| wrong(&format!("the map's place '{told}' is not within it")))?;
    Ok(Picture { width, pixels: lines.concat(), void: VOID })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{ClassCount, Legend, Quicklook, quicklook};

    #[test]
    fn the_map_is_found_in_its_picture() {
        let legend = Legend::new(&["Alunite".to_owned()]).unwrap();
        for subtitle in ["", "scene"] {
            let png = quicklook::png(&Quicklook {
                title: "Map".into(),
                subtitle: subtitle.into(),
                width: 2,
                height: 1,
                classes: &[1, 255],
                grey: &[f32::NAN; 2],
                legend: &legend,
                counts: &[ClassCount { pixels: 1, km2: None }; 2],
                captions: Vec::new(),
                metres_per_pixel: None,
            })
            .unwrap();
            let map = map_of(&png).unwrap();
            assert_eq!((map.width, map.pixels.len()), (1150, 1150 * 575));
            let halves: Vec<_> = map.pixels.chunks(575).collect();
            assert!(halves.iter().all(|half| half.iter().all(|p| p == &half[0])), "whole pixels, no frame");
            assert!(halves[0][0] != map.void && halves[1][0] == map.void);
        }
        assert!(map_of(b"not a PNG").is_err());
    }
}
