//! What the bytes of a checkpoint log say: `headwater inspect` and `headwater fsck`, as a library.
//!
//! Works on a gateway's log and on a dump of a device's flash, also where several logs lie in one; reads only.
//!
//! ```no_run
//! use headwater_std::inspect::{Image, Part, fsck, inspect};
//!
//! let image = Image::open("flash.bin".as_ref(), Part::default())?;
//! inspect(&image).iter().for_each(|fact| println!("{fact}"));
//! let (_, status) = fsck(&image);
//! assert_eq!(status, 0, "damaged");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod describe;
mod fact;
mod image;
mod report;
mod rows;
mod shape;
mod survey;

pub use fact::Fact;
pub use image::{Image, ImageError, LogPlace, Part};
pub use report::{fsck, inspect};
