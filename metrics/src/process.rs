//! What the operating system knows of this process. Nothing where there is no `/proc`.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::source::Readings;
use crate::table::{
    BUILD_INFO, PROCESS_CPU_SECONDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_BYTES, PROCESS_START,
};

/// Linux' unit of processor time in `/proc`, on every machine that we run on.
const TICKS_A_SECOND: f64 = 100.0;
const PAGE_BYTES: f64 = 4096.0;

pub(crate) fn read(readings: &mut Readings) {
    let version = env!("CARGO_PKG_VERSION");
    let revision = option_env!("IMPRESARIO_REVISION").unwrap_or("unknown");
    readings.gauge(&BUILD_INFO, [version, revision], 1.0);
    readings.gauge(&PROCESS_START, [], started());
    if let Some(seconds) = cpu_seconds() {
        readings.tally(&PROCESS_CPU_SECONDS, [], seconds);
    }
    if let Some(bytes) = resident_bytes() {
        readings.gauge(&PROCESS_RESIDENT_BYTES, [], bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        readings.gauge(&PROCESS_OPEN_FDS, [], open.count() as f64);
    }
}

/// When it was asked first, which is at its start.
fn started() -> f64 {
    static STARTED: OnceLock<f64> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    })
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold spaces and brackets; what follows the last bracket is numbers from the third on.
    let numbers = stat.rsplit_once(')')?.1;
    let field = |n: usize| numbers.split_whitespace().nth(n - 3)?.parse::<f64>().ok();
    Some((field(14)? + field(15)?) / TICKS_A_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_says_what_it_uses() {
        let text = crate::render();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next())
                .unwrap()
                .parse()
                .unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(text.contains("saga_build_info{version=\""));
    }
}
