//! A file behind a page cache: what was written since the last sync may be lost.

use alloc::vec;
use alloc::vec::Vec;

use super::{FaultError, FaultyStorage};
use crate::checkpoint::storage::{self, LogStorage};

/// What the disk holds when pages written since the last sync are lost.
#[derive(Debug, Clone)]
pub(super) struct PageCache {
    page_bytes: usize,
    /// The image as of the last sync.
    pub(super) durable: Vec<u8>,
}

impl<S: LogStorage> FaultyStorage<S> {
    /// From now on behaves like a file behind a page cache: at a cut each page of `page_bytes` written since
    /// the last sync is on the disk or not, independently of the others.
    ///
    /// # Errors
    /// That of the wrapped storage, which is read once.
    pub fn lose_unsynced_pages(&mut self, page_bytes: usize) -> Result<(), FaultError<S::Error>> {
        let durable = self.image()?;
        self.cache = Some(PageCache { page_bytes: page_bytes.max(1), durable });
        Ok(())
    }

    /// At a cut: each page that differs from the disk is lost or not.
    pub(super) fn lose_pages(&mut self) -> Result<(), FaultError<S::Error>> {
        let Some(mut cache) = self.cache.take() else { return Ok(()) };
        let live = self.image()?;
        for (disk, live) in cache.durable.chunks_mut(cache.page_bytes).zip(live.chunks(cache.page_bytes)) {
            if disk != live && self.draw() & 1 == 0 {
                storage::copy(disk, live);
            }
        }
        let sectors = cache.durable.chunks(S::ERASE_SIZE).zip(live.chunks(S::ERASE_SIZE));
        for ((disk, live), address) in sectors.zip((0u32..).step_by(S::ERASE_SIZE)) {
            if disk != live {
                self.put_sector(address, disk)?;
            }
        }
        self.cache = Some(cache);
        Ok(())
    }

    /// After a sync the disk holds what can be read.
    pub(super) fn keep_pages(&mut self) -> Result<(), FaultError<S::Error>> {
        if self.cache.is_some() {
            let durable = self.image()?;
            if let Some(cache) = &mut self.cache {
                cache.durable = durable;
            }
        }
        Ok(())
    }

    fn image(&mut self) -> Result<Vec<u8>, FaultError<S::Error>> {
        let mut image = vec![0; self.inner.capacity()];
        self.inner.read(0, &mut image).map_err(FaultError::Storage)?;
        Ok(image)
    }
}
