//! The number types that scenes store, and vectors of them.

use serde::{Deserialize, Serialize};

use crate::memory;
use crate::simd::Aligned;

/// A number type that scenes store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the types")]
pub enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl SampleType {
    /// All of them.
    pub const ALL: [Self; 10] =
        [Self::U8, Self::I8, Self::U16, Self::I16, Self::U32, Self::I32, Self::U64, Self::I64, Self::F32, Self::F64];

    /// Whether f32 holds every value of this type.
    #[must_use]
    pub fn fits_f32(self) -> bool {
        matches!(self, Self::U8 | Self::I8 | Self::U16 | Self::I16 | Self::F32)
    }

    /// Bytes of one value.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The name as `info` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// A Rust type that scenes store, seen by the loops over pixels.
pub trait Sample: bytemuck::Pod + PartialEq + Send + Sync {
    /// The value as the kernels see it; 64-bit values are rounded to the nearest f32.
    fn to_f32(self) -> f32;
    /// The value in f64.
    fn to_f64(self) -> f64;
    /// Not NaN and not infinite; always true for integers.
    fn is_finite(self) -> bool;
    /// The value with the bytes reversed.
    #[must_use]
    fn swap(self) -> Self;
    /// A declared no-data value in this type; `None` when the type cannot hold it, so no sample equals it.
    fn nodata(declared: f64) -> Option<Self>;
}

macro_rules! integer_sample {
    ($($t:ty),*) => {$(
        #[expect(clippy::allow_attributes, reason = "which casts lose something depends on the type")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_lossless, clippy::cast_sign_loss, reason = "checked by the round trip, or documented as rounding")]
        impl Sample for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            fn is_finite(self) -> bool { true }
            fn swap(self) -> Self { self.swap_bytes() }
            fn nodata(declared: f64) -> Option<Self> {
                let value = declared as Self;
                (value as f64 == declared).then_some(value)
            }
        }
    )*};
}
integer_sample!(u8, i8, u16, i16, u32, i32, u64, i64);

macro_rules! float_sample {
    ($($t:ty),*) => {$(
        #[expect(clippy::allow_attributes, reason = "which casts lose something depends on the type")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "documented as rounding")]
        impl Sample for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            fn is_finite(self) -> bool { <$t>::is_finite(self) }
            fn swap(self) -> Self { Self::from_bits(self.to_bits().swap_bytes()) }
            // A header's decimal text is rounded to the type, as the writer rounded the value it stored.
            fn nodata(declared: f64) -> Option<Self> { Some(declared as Self) }
        }
    )*};
}
float_sample!(f32, f64);

/// Values of one tile in the scene's own type. They begin at a line of the caches.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Samples {
    U8(Aligned<u8>),
    I8(Aligned<i8>),
    U16(Aligned<u16>),
    I16(Aligned<i16>),
    U32(Aligned<u32>),
    I32(Aligned<i32>),
    U64(Aligned<u64>),
    I64(Aligned<i64>),
    F32(Aligned<f32>),
    F64(Aligned<f64>),
}

/// Runs `$body` with `$values` bound to the typed vector inside a [`Samples`].
#[macro_export]
macro_rules! with_samples {
    ($samples:expr, $values:ident => $body:expr) => {
        match $samples {
            $crate::tile::Samples::U8($values) => $body,
            $crate::tile::Samples::I8($values) => $body,
            $crate::tile::Samples::U16($values) => $body,
            $crate::tile::Samples::I16($values) => $body,
            $crate::tile::Samples::U32($values) => $body,
            $crate::tile::Samples::I32($values) => $body,
            $crate::tile::Samples::U64($values) => $body,
            $crate::tile::Samples::I64($values) => $body,
            $crate::tile::Samples::F32($values) => $body,
            $crate::tile::Samples::F64($values) => $body,
        }
    };
}

impl Samples {
    /// `len` zeros of the given type.
    #[must_use]
    pub fn zeros(sample_type: SampleType, len: usize) -> Self {
        let samples = match sample_type {
            SampleType::U8 => Self::U8(Aligned::zeros(len)),
            SampleType::I8 => Self::I8(Aligned::zeros(len)),
            SampleType::U16 => Self::U16(Aligned::zeros(len)),
            SampleType::I16 => Self::I16(Aligned::zeros(len)),
            SampleType::U32 => Self::U32(Aligned::zeros(len)),
            SampleType::I32 => Self::I32(Aligned::zeros(len)),
            SampleType::U64 => Self::U64(Aligned::zeros(len)),
            SampleType::I64 => Self::I64(Aligned::zeros(len)),
            SampleType::F32 => Self::F32(Aligned::zeros(len)),
            SampleType::F64 => Self::F64(Aligned::zeros(len)),
        };
        memory::on_huge_pages(samples.as_bytes());
        samples
    }

    /// Has so many values: whatever the memory holds if it is enough, else zeros.
    pub(super) fn resize(&mut self, len: usize) {
        if with_samples!(self, values => values.resize(len)) {
            memory::on_huge_pages(self.as_bytes());
        }
    }

    /// The type of the values.
    #[must_use]
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I8(_) => SampleType::I8,
            Self::U16(_) => SampleType::U16,
            Self::I16(_) => SampleType::I16,
            Self::U32(_) => SampleType::U32,
            Self::I32(_) => SampleType::I32,
            Self::U64(_) => SampleType::U64,
            Self::I64(_) => SampleType::I64,
            Self::F32(_) => SampleType::F32,
            Self::F64(_) => SampleType::F64,
        }
    }

    /// The values as bytes of this machine's order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        with_samples!(self, v => bytemuck::cast_slice(v))
    }

    /// The values as writable bytes of this machine's order.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        with_samples!(self, v => bytemuck::cast_slice_mut(v))
    }

    /// Reverses the bytes of every value (for files of the other byte order).
    pub fn swap_bytes(&mut self) {
        with_samples!(self, v => v.iter_mut().for_each(|x| *x = x.swap()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_type_that_cannot_hold_the_fill_never_matches_it() {
        assert_eq!(<u16 as Sample>::nodata(-9999.0), None);
        assert_eq!(<i16 as Sample>::nodata(f64::NAN), None);
        assert_eq!(<i16 as Sample>::nodata(-9999.0), Some(-9999));
        assert_eq!(<f32 as Sample>::nodata(-1.23e34), Some(-1.23e34_f32));
    }
}
