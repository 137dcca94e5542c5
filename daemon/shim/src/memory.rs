//! Gives memory back when it is quiet: there may be hundreds of shims, and each of them waits nearly
//! all of its life. What is needed again comes back by itself, from the page cache.
#![allow(unsafe_code)] // advice about the process's own memory

use std::ffi::{c_int, c_void};

const PAGE: usize = 4096;
/// The stack below the loop's own frames that earlier calls may have used.
const STACK: usize = 128 * 1024;

/// Large blocks are given back at once, whatever the allocator has learned.
pub fn keep_heap_small() {
    // SAFETY: before any other thread could exist; the values are documented ones.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 16 * 1024);
        libc::mallopt(libc::M_TOP_PAD, 4 * 1024);
    }
}

/// Gives back what only the work just done has needed: free heap, dead stack, code.
pub fn give_back() {
    // SAFETY: no preconditions; only free memory is touched.
    unsafe { libc::malloc_trim(PAGE) };
    // SAFETY: the callback only gives advice, and keeps no pointer.
    unsafe { libc::dl_iterate_phdr(Some(forget_code), std::ptr::null_mut()) };
    forget_stack();
}

/// Pages below every living frame hold nothing; one page is left to the calls made from here.
#[inline(never)]
fn forget_stack() {
    let here = 0u8;
    let end = ((&raw const here as usize) - PAGE) & !(PAGE - 1);
    // SAFETY: the stack grows down, this thread is the only one, and everything from one page below
    // this frame on is dead. Pages that do not exist make the call fail without harm.
    unsafe { libc::madvise((end - STACK) as *mut c_void, STACK, libc::MADV_DONTNEED) };
}

/// Unmaps the program's read-only pages: they are the file's, and come back when they are touched.
unsafe extern "C" fn forget_code(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the C library hands over a valid description of a loaded object.
    let object = unsafe { &*object };
    // SAFETY: as above: so many program headers are there.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    for header in
        headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0)
    {
        let start = (object.dlpi_addr as usize + header.p_vaddr as usize) & !(PAGE - 1);
        let end = object.dlpi_addr as usize + (header.p_vaddr + header.p_memsz) as usize;
        // SAFETY: a private mapping of a file that was never written: the same bytes come back.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
    }
    0
}
