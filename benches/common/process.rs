//! Programs as a user runs them: the time from start to end, and the most memory that was resident.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a program took.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) peak_mib: f64,
}

/// Unit of the kernel's count of memory.
const UNIT: f64 = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };

/// Runs a program, which must succeed.
#[expect(clippy::zombie_processes, reason = "wait4 waits for it, and says what memory it took")]
pub(crate) fn run(command: &mut Command) -> Spent {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut said = String::new();
    let (id, ended) = (child.id(), AtomicBool::new(false));
    let marked = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watched(id, &ended));
        // It closes it when it ends.
        child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut said)).transpose().expect("text");
        ended.store(true, Ordering::Relaxed);
        watch.join().expect("a mark")
    });
    let pid = libc::pid_t::try_from(id).expect("a process id");
    let mut status = 0;
    // SAFETY: all zeros are a valid rusage: it is made of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the child is ours and nobody else waits for it; both pointers are to values of this frame.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(waited, pid, "{command:?}: nobody waits for it");
    let status = ExitStatus::from_raw(status);
    assert!(status.success(), "{command:?}: {status}: {said}");
    let peak = marked.map_or(usage.ru_maxrss as f64 * UNIT, |kib| kib as f64 * 1024.0);
    Spent { seconds, peak_mib: peak / f64::from(1 << 20) }
}

/// The kernel's mark of the most memory of a process, in KiB, as it stood last; nothing where the system has no `/proc`. What
/// `wait4` says is no less than what this process held when it started the other.
fn watched(process: u32, ended: &AtomicBool) -> Option<u64> {
    let mut mark = None;
    while !ended.load(Ordering::Relaxed) {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let of_line = |line: &str| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok();
        // One that has ended has none.
        mark = status.lines().find_map(of_line).or(mark);
        std::thread::sleep(Duration::from_millis(5));
    }
    mark
}
