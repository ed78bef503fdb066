//! Ctrl-C and its like: unfinished files go before the process does.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::txn;

/// From now on SIGINT, SIGTERM and SIGHUP remove what is unfinished, then end the process as they always
/// do: a shell sees 128 + the signal. Signals that are ignored (`nohup`) stay so.
pub fn clean_up_on_signals() -> io::Result<()> {
    watch(|signal| {
        txn::abandon();
        end_by(signal);
    })
}

/// From now on each SIGINT, SIGTERM and SIGHUP is handed over, in a thread of its own, and does nothing else.
pub fn watch(mut handle: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    // A write beyond the limit of a file's size (`ulimit -f`) then fails like one to a full disk.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| ignored & (1 << (s - 1)) == 0);
    let mut signals = Signals::new(wanted)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(&mut handle))?;
    Ok(())
}

/// Ends the process as this signal does.
pub fn end_by(signal: i32) -> ! {
    // Not `std::process::exit`: what runs at exit (HDF5 closing its files) must not run beside a
    // thread that is inside of it. By the signal itself, so that a shell's loop ends, too.
    let _ = low_level::emulate_default_handler(signal);
    low_level::exit(128 + signal)
}

/// The set of ignored signals, lowest bit first; empty where it cannot be told.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
