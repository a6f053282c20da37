//! Cleaning before pixels are joined: each takes the value that most of its neighbourhood has.

/// The majority of three by three pixels, over the lines of a raster. A pixel without data (`nodata`) stays so and has no
/// vote; where votes are equal, a pixel keeps its own value if it is among them, else takes the smallest.
pub(super) fn majority(above: Option<&[u16]>, here: &[u16], below: Option<&[u16]>, nodata: u16) -> Vec<u16> {
    let lines = [above, Some(here), below];
    let pixel = |(x, &own): (usize, &u16)| {
        if own == nodata {
            return nodata;
        }
        let around = x.saturating_sub(1)..(x + 2).min(here.len());
        let mut votes = [nodata; 9];
        let mut count = 0;
        for &value in lines.iter().flatten().flat_map(|line| &line[around.clone()]).filter(|v| **v != nodata) {
            votes[count] = value;
            count += 1;
        }
        let votes = &votes[..count];
        let of = |value: u16| votes.iter().filter(|v| **v == value).count();
        let most = votes.iter().map(|v| of(*v)).max().unwrap_or(0);
        if of(own) == most {
            return own;
        }
        votes.iter().copied().filter(|v| of(*v) == most).min().unwrap_or(own)
    };
    here.iter().enumerate().map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_takes_what_most_of_its_neighbours_have() {
        let lines: [&[u16]; 3] = [&[1, 1, 1, 9], &[1, 2, 1, 9], &[3, 3, 9, 9]];
        assert_eq!(majority(Some(lines[0]), lines[1], Some(lines[2]), 9), [1, 1, 1, 9]);
        // At the edge there are fewer votes, and equal votes leave a pixel as it is.
        assert_eq!(majority(None, lines[0], Some(lines[1]), 9), [1, 1, 1, 9]);
        assert_eq!(majority(None, &[1, 2], None, 9), [1, 2]);
        assert_eq!(majority(Some(&[4, 4]), &[2, 1], Some(&[5, 5]), 9), [4, 4], "the smallest of equal votes");
        assert_eq!(majority(None, &[9], None, 9), [9]);
    }
}
