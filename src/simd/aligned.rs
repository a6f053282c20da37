//! Values that begin at a cache line.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

/// Bytes of a line of the caches, and of the widest registers.
const LINE: usize = 64;

/// A vector of numbers of fixed length that begins at a line of the caches, so that no register is filled from two of them.
/// The allocator gives large blocks that begin 16 bytes behind one: every load of a kernel would be two.
pub struct Aligned<T> {
    /// With room for what lies before the line.
    held: Vec<T>,
    first: usize,
    length: usize,
}

impl<T: Pod> Aligned<T> {
    /// So many zeros.
    #[must_use]
    pub fn zeros(length: usize) -> Self {
        let room = if length == 0 { 0 } else { LINE / size_of::<T>().clamp(1, LINE) - 1 };
        let held = vec![T::zeroed(); length + room];
        // Where a type fits no line, it may begin anywhere.
        let first = held.as_ptr().align_offset(LINE).min(room);
        Self { held, first, length }
    }

    /// Has so many values: whatever the memory holds if it is enough, else zeros. Tells whether the memory is new.
    pub(crate) fn resize(&mut self, length: usize) -> bool {
        let is_new = self.first + length > self.held.len();
        if is_new {
            // Both at once would take twice the memory.
            *self = Self::default();
            *self = Self::zeros(length);
        }
        self.length = length;
        is_new
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.held[self.first..][..self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.held[self.first..][..self.length]
    }
}

impl<T: Pod> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.length);
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Pod> Default for Aligned<T> {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl<T: Pod> From<Vec<T>> for Aligned<T> {
    fn from(values: Vec<T>) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(&values);
        aligned
    }
}

impl<T: PartialEq> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins_at_a_line<T: Pod + PartialEq + fmt::Debug>(one: T) {
        for length in [0, 1, 7, 1000, 1 << 20] {
            let mut values = Aligned::<T>::zeros(length);
            assert_eq!(values.len(), length);
            assert!(values.iter().all(|v| *v == T::zeroed()));
            values.fill(one);
            let copy = values.clone();
            assert_eq!(copy, values);
            assert_eq!(copy, Aligned::from(vec![one; length]));
            for values in [&values, &copy] {
                assert!(length == 0 || values.as_ptr().addr().is_multiple_of(LINE));
            }
        }
    }

    #[test]
    fn fewer_values_and_as_many_again_lie_in_the_same_memory() {
        let mut values = Aligned::from(vec![7_i16; 1000]);
        let place = values.as_ptr();
        values.resize(10);
        assert_eq!(values[..], [7; 10]);
        values.resize(1000);
        assert_eq!((values.as_ptr(), &values[..]), (place, &[7; 1000][..]));
        values.resize(1100);
        assert_eq!(values[..], [0; 1100]);
        assert!(values.as_ptr().addr().is_multiple_of(LINE));
    }

    #[test]
    fn values_of_every_size_begin_at_a_line() {
        begins_at_a_line(1_u8);
        begins_at_a_line(1_i16);
        begins_at_a_line(1.0_f32);
        begins_at_a_line(1.0_f64);
        assert_eq!(Aligned::from(vec![[1_u8; 100]; 3]).len(), 3);
    }
}
