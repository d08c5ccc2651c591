//! Interrupts of peripherals. None is used, so one entry stands for the 240 that a chip can have; a board's device crate takes the place of
//! this file.

#[expect(unsafe_code, reason = "the linker's symbol")]
// SAFETY: `link.x` of `cortex-m-rt` defines it: an endless loop.
unsafe extern "C" {
    fn DefaultHandler();
}

/// What `link.x` puts behind the exceptions.
#[expect(unsafe_code, reason = "the place and the name that the runtime asks for")]
// SAFETY: nobody else puts anything there (`cortex-m-rt` does not with its feature `device`), and the name is of this table.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); 1] = [DefaultHandler];
