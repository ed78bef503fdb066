//! The parent of the processes that do the work. A file may crash the library, keep it in a loop or make it ask for all
//! memory; that ends a worker, and the parent says so, removes what it left, and goes on with the next file.
//!
//! The parent touches no HDF5 file. It hears through pipes what its workers are doing (`txn::notify`), hands signals on to them,
//! and ends as they ended. Several files are handed out one by one ([`pool`]); otherwise one worker does everything. Where
//! no process can be started (a sandbox, a limit), the work is done in this one: it is no less careful, but a crash is then a crash.

use std::ffi::OsString;
use std::io::{self, BufReader, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command as Process, ExitStatus};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::args::Cli;
use super::files;
use super::life::{Life, Verdict};
use super::output::{self, Output, TROUBLE};
use super::wire::{Message, decode};
use super::worker::Orders;
use super::{pool, signals};
use crate::txn::notify::Event;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Code(u8),
    /// This process is to end by it, too.
    Signal(i32),
}

/// What a parent hears; of which worker.
pub enum News {
    Told(usize, Message),
    /// The pipe is closed: the worker is gone.
    Gone(usize),
    Signal(i32),
}

/// Messages that wait to be heard. Workers wait, too, when there are more.
const WAITING: usize = 64;

/// Has the command done by workers. `None`: no process can be started, and nothing was done.
pub fn run(cli: &Cli, output: &Output) -> Option<Ended> {
    let (sender, news) = sync_channel(WAITING);
    let signals = sender.clone();
    let forward = move |signal| {
        output::interrupt();
        drop(signals.send(News::Signal(signal)));
    };
    if let Err(e) = signals::watch(forward) {
        output.error(&format!("cannot handle signals: {e}"), &[]);
        return Some(Ended::Code(TROUBLE));
    }
    match pool::wanted(cli) {
        Some((files, jobs)) => pool::run(cli, output, files, jobs, &sender, &news),
        None => alone(cli, output, &sender, &news),
    }
}

/// One worker does everything, and prints what there is to say itself.
fn alone(cli: &Cli, output: &Output, sender: &SyncSender<News>, news: &Receiver<News>) -> Option<Ended> {
    let Started { child, .. } = start(0, Order::Everything, cli, sender).ok()?;
    let mut life = Life::default();
    let status = match follow(child, news, &mut life) {
        Ok(status) => status,
        Err(e) => {
            output.error(&format!("cannot wait for a process: {e}"), &[]);
            return Some(Ended::Code(TROUBLE));
        }
    };
    Some(match life.verdict(status) {
        Verdict::Code(code) => Ended::Code(code),
        Verdict::Signal(signal) => {
            let _ = life.clean_up();
            Ended::Signal(signal)
        }
        Verdict::Died(death) => {
            let (text, code) = life.death(death, &cli.command, output);
            output.clear_line();
            output.tell(&text);
            Ended::Code(code)
        }
    })
}

/// What a worker is started for.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// The whole command.
    Everything,
    /// The files that it is handed, beside so many workers less one. `later`: in place of one that has died.
    Files { jobs: u16, later: bool },
}

/// A worker, and where the numbers of its files are written to.
pub struct Started {
    pub child: Child,
    pub files: Option<PipeWriter>,
}

/// Starts a worker, and a thread that reads what it tells.
pub fn start(number: usize, order: Order, cli: &Cli, news: &SyncSender<News>) -> io::Result<Started> {
    let (from, to) = io::pipe()?;
    fcntl_setfd(&to, FdFlags::empty())?;
    let (files, handed) = match order {
        Order::Everything => (None, None),
        Order::Files { .. } => {
            let (read, write) = io::pipe()?;
            fcntl_setfd(&read, FdFlags::empty())?;
            (Some(write), Some(read))
        }
    };
    let (jobs, later) = match order {
        Order::Everything => (1, false),
        Order::Files { jobs, later } => (jobs, later),
    };
    let files_from = handed.as_ref().map(AsRawFd::as_raw_fd);
    let list = files::number_of(cli.list.as_ref());
    let orders = Orders { pipe: to.as_raw_fd(), parent: getpid().as_raw_nonzero().get(), files: files_from, jobs, later, list };
    // The program that runs, even if another one has been put into its place.
    let child = worker("/proc/self/exe".into(), &orders).spawn().or_else(|_| worker(std::env::current_exe()?, &orders).spawn())?;
    // The worker has its own ends of the pipes; ours would keep them open.
    drop((to, handed));
    match listen(number, from, news.clone()) {
        Ok(()) => Ok(Started { child, files }),
        Err(e) => {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
            Err(e)
        }
    }
}

fn listen(number: usize, from: PipeReader, news: SyncSender<News>) -> io::Result<()> {
    let listen = move || {
        let mut from = BufReader::new(from);
        while let Ok(Some(message)) = decode(&mut from) {
            let _ = news.send(News::Told(number, message));
        }
        // Where a message makes no sense, the worker's end is waited for all the same.
        let _ = io::copy(&mut from, &mut io::sink());
        let _ = news.send(News::Gone(number));
    };
    std::thread::Builder::new().name("worker".into()).spawn(listen).map(drop)
}

fn worker(program: PathBuf, orders: &Orders) -> Process {
    let mut arguments = std::env::args_os();
    let mut process = Process::new(program);
    process.arg0(arguments.next().unwrap_or_else(|| OsString::from("h5mason")));
    process.arg(format!("--worker={orders}")).args(arguments);
    process
}

/// Sends a worker a signal. Until it is waited for, its number is its own.
pub fn send(child: &Child, signal: Signal) {
    let _ = kill_process(Pid::from_child(child), signal);
}

/// Until the worker has ended.
fn follow(mut child: Child, news: &Receiver<News>, life: &mut Life) -> io::Result<ExitStatus> {
    loop {
        match news.recv() {
            Ok(News::Told(_, Message::Event(event))) => {
                life.hear(&event);
                if matches!(event, Event::GivenUp(_)) {
                    send(&child, Signal::KILL);
                }
            }
            // Only a worker of several says this.
            Ok(News::Told(_, Message::Ready { .. } | Message::Outcome(_) | Message::Matched(_) | Message::Text { .. })) => {}
            Ok(News::Signal(signal)) => {
                life.signal = Some(signal);
                // A terminal sends Ctrl-C to both: the worker minds only the first.
                if let Some(signal) = Signal::from_named_raw(signal) {
                    send(&child, signal);
                }
            }
            Ok(News::Gone(_)) | Err(_) => return child.wait(),
        }
    }
}
