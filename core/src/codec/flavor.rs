//! Where postcard puts bytes and takes them from.

use postcard::{Error, Result, de_flavors, ser_flavors};

/// Room for encoded bytes.
pub(super) struct Room<'b> {
    bytes: &'b mut [u8],
    used: usize,
}

impl<'b> Room<'b> {
    pub(super) fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn overwrite(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }
}

impl ser_flavors::Flavor for Room<'_> {
    type Output = usize;

    #[inline(never)]
    fn try_push(&mut self, byte: u8) -> Result<()> {
        *self.bytes.get_mut(self.used).ok_or(Error::SerializeBufferFull)? = byte;
        self.used = self.used.wrapping_add(1);
        Ok(())
    }

    #[inline(never)]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        bytes.iter().try_for_each(|byte| self.try_push(*byte))
    }

    fn finalize(self) -> Result<usize> {
        Ok(self.used)
    }
}

/// What is left of encoded bytes.
pub(super) struct Rest<'b>(pub(super) &'b [u8]);

impl<'b> de_flavors::Flavor<'b> for Rest<'b> {
    type Remainder = &'b [u8];
    type Source = &'b [u8];

    #[inline(never)]
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
