//! Memory that the allocator holds for the program.
#![allow(unsafe_code)] // malloc_trim(3)

/// Gives what is free back to the system, which it does by itself only at the top of its heap. Takes
/// milliseconds for each 100 MB.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: a plain number; the allocator takes its own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
