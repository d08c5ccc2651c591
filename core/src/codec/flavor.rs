//! Where postcard takes bytes from.

use postcard::{Error, Result, de_flavors};

/// What is left of encoded bytes.
pub(super) struct Rest<'b>(pub(super) &'b [u8]);

impl<'b> de_flavors::Flavor<'b> for Rest<'b> {
    type Remainder = &'b [u8];
    type Source = &'b [u8];

    #[cfg_attr(feature = "small-code", inline(never))]
    #[cfg_attr(not(feature = "small-code"), inline)]
    fn pop(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(*first)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }

    // Inlined: postcard copies what it gives into an array, and must see that the lengths are equal.
    #[inline]
    fn try_take_n(&mut self, length: usize) -> Result<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(taken)
    }

    fn finalize(self) -> Result<&'b [u8]> {
        Ok(self.0)
    }
}
