//! Throughput over a socket, as a share of the bare application's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use session_bench::server::Servers;
use session_bench::session::Work;

use crate::candidates::{CANDIDATES, program};
use crate::plot::bars::{Bars, Group};
use crate::results::{load, median, of, save, thousands};

const PART: &str = "throughput";

/// The number of rounds. Each measures the bare application and the candidate in turn.
const ROUNDS: usize = 3;

/// The seconds of each turn.
const TURN: &str = "1s";

/// The number of sessions, far more than there are connections.
const SESSIONS: usize = 500;

/// The numbers by the name of the subject.
type Numbers = BTreeMap<String, Throughput>;

#[derive(serde::Deserialize, serde::Serialize)]
struct Throughput {
    /// The throughput as a share of the bare application's: the median of all rounds.
    share: f64,
    /// The median number of requests a second of the candidate.
    requests: f64,
    /// The shares of all rounds.
    rounds: Vec<f64>,
    /// The mean processor time of a request above that of the bare application, in nanoseconds. The process itself and
    /// the system on its behalf are counted apart.
    user: f64,
    system: f64,
}

/// The result of one run of a candidate.
struct Turn {
    per_second: f64,
    /// The processor time of a request, in nanoseconds: user and system.
    times: [f64; 2],
}

/// Measures all candidates.
///
/// # Errors
///
/// Returns an error if a server or wrk fails.
pub fn measure() -> Result<()> {
    let servers = Servers::start()?;
    let mut numbers = Numbers::new();
    for candidate in CANDIDATES {
        let bare = App::start(candidate.program, candidate.bare, &servers)?;
        for work in Work::ALL {
            let subject = candidate.subject(work);
            let app = App::start(candidate.program, &subject, &servers)?;
            let script = script(&app)?;
            let (mut shares, mut requests) = (Vec::new(), Vec::new());
            let mut times = [0.0; 2];
            for _ in 0..ROUNDS {
                let (without, with) = (bare.load(&script)?, app.load(&script)?);
                shares.push(with.per_second / without.per_second);
                requests.push(with.per_second);
                for (at, mean) in times.iter_mut().enumerate() {
                    *mean += (with.times[at] - without.times[at]) / ROUNDS as f64;
                }
            }
            std::fs::remove_file(script)?;
            let (share, requests, [user, system]) = (median(&shares), median(&requests), times);
            let throughput = Throughput { share, requests, rounds: shares, user, system };
            eprintln!("{subject}: {requests:.0} requests/s, {share:.2} of the bare, {user:+.0} {system:+.0} ns");
            numbers.insert(subject, throughput);
        }
    }
    save(PART, &numbers)
}

/// A server of one worker thread in its own process, which ends when its standard input closes.
struct App {
    process: Child,
    port: u16,
}

impl App {
    fn start(program_name: &str, subject: &str, servers: &Servers) -> Result<Self> {
        let mut command = program(program_name)?;
        command.args([subject, "serve"]).envs(servers.environment()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("it is piped")?).read_line(&mut line)?;
        let port = line.trim().parse().with_context(|| format!("`{subject}` does not serve"))?;
        Ok(Self { process, port })
    }

    /// Of a new session.
    fn cookie(&self) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /seed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let headers = response.lines().filter_map(|line| line.split_once(": "));
        let cookies = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let pairs: Vec<&str> = cookies.filter_map(|(_, cookie)| cookie.split(';').next()).collect();
        ensure!(!pairs.is_empty(), "no cookie for a session");
        Ok(pairs.join("; "))
    }

    /// Returns the processor time of the process until now, in nanoseconds: user and system (proc(5), `stat`).
    fn processor_time(&self) -> Result<[f64; 2]> {
        /// The kernel reports hundredths of a second, independent of its own clock rate.
        const TICK: f64 = 1e7;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, in parentheses, may hold spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().context("a process has a name")?.split_whitespace().collect();
        let time =
            |at: usize| -> Result<f64> { Ok(fields.get(at).context("a field is missing")?.parse::<f64>()? * TICK) };
        Ok([time(11)?, time(12)?])
    }

    /// Measures over 32 connections that are kept alive.
    fn load(&self, script: &Path) -> Result<Turn> {
        let before = self.processor_time()?;
        let output = Command::new("wrk")
            .args(["--threads", "1", "--connections", "32", "--duration", TURN, "--script"])
            .arg(script)
            .arg(format!("http://127.0.0.1:{}/", self.port))
            .output()
            .context("cannot start wrk: is it installed?")?;
        let text = String::from_utf8(output.stdout)?;
        let after = self.processor_time()?;
        let failures = ["Non-2xx", "Socket errors"].iter().any(|complaint| text.contains(complaint));
        ensure!(!failures, "requests failed:\n{text}");
        let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")).map(|(count, _)| count);
        let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
        let (requests, per_second) =
            number(requests).zip(number(rate)).with_context(|| format!("wrk printed:\n{text}"))?;
        Ok(Turn { per_second, times: [0, 1].map(|at| (after[at] - before[at]) / requests) })
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Tells wrk to use many sessions in turn, so that concurrent requests rarely share a session.
fn script(app: &App) -> Result<PathBuf> {
    let cookies = (0..SESSIONS).map(|_| app.cookie()).collect::<Result<Vec<_>>>()?;
    let list = cookies.iter().map(|cookie| format!("  {cookie:?},\n")).collect::<String>();
    let script = format!(
        "local requests, next = {{}}, 0\n\
         local cookies = {{\n{list}}}\n\
         function init()\n\
         \x20 for _, cookie in ipairs(cookies) do\n\
         \x20   table.insert(requests, wrk.format('GET', '/', {{ Cookie = cookie }}))\n\
         \x20 end\n\
         end\n\
         function request()\n\
         \x20 next = next % #requests + 1\n\
         \x20 return requests[next]\n\
         end\n"
    );
    let file = std::env::temp_dir().join(format!("session-bench-{}.lua", std::process::id()));
    std::fs::write(&file, script)?;
    Ok(file)
}

/// Writes the section and the plot of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut groups: Vec<Group> = Vec::new();
    let mut text = format!(
        "## Throughput\n\n\
         ![Throughput as a share of the bare application's](throughput.svg)\n\n\
         Share of the bare application's throughput, and requests a second: one worker thread, 32 connections, \
         requests of {SESSIONS} sessions in turn, made by wrk; bare application and candidate in turn, median of {ROUNDS} rounds.\n\n\
         | | | untouched | read | write |\n|---|---|---:|---:|---:|\n"
    );
    let mut times = String::from(
        "Processor time for a request above the bare application's, in nanoseconds: of the process itself, and of the system \
         on its behalf. In memory and in the cookie all applications ask the system for the same, but wrk sleeps while it \
         waits: the slower an application is, the more of its responses have to wake it. The times are exact to about \
         100 ns, because the kernel counts in hundredths of a second.\n\n\
         | | | untouched | read | write |\n|---|---|---:|---:|---:|\n",
    );
    for candidate in CANDIDATES {
        let start = format!("| {} | {} |", candidate.place, candidate.cell());
        text.push_str(&start);
        times.push_str(&start);
        let mut values = Vec::new();
        for work in Work::ALL {
            let throughput = of(&numbers, &candidate.subject(work))?;
            write!(text, " {:.2} ({}) |", throughput.share, thousands(throughput.requests))?;
            write!(times, " {:.0}, {:.0} |", throughput.user, throughput.system)?;
            values.push(throughput.share);
        }
        text.push('\n');
        times.push('\n');
        Group::add(&mut groups, &candidate, values);
    }
    text.push('\n');
    text.push_str(&times);
    let columns = Work::ALL.map(Work::name);
    Bars {
        title: "Throughput as a share of the bare application's (more is better)",
        columns: &columns,
        groups: &groups,
        whole: Some(1.0),
        format: |share| format!("{share:.2}"),
    }
    .draw("throughput.svg")?;
    Ok(text)
}
