//! System calls, by seccomp (seccomp(2)).
//!
//! Invariant: what is denied is denied with EPERM, not by death: a library that tries something and can do without
//! goes on. Sockets can be made only of the kinds that libpcap asks the kernel with.

#[cfg(target_endian = "little")]
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// To start programs, look into others, change the system, gain rights, reach out.
#[cfg(target_endian = "little")]
const DENIED: [libc::c_long; 42] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_personality,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_mknodat,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_connect,
    libc::SYS_listen,
];

/// Frames; questions to the kernel about interfaces.
#[cfg(target_endian = "little")]
const SOCKETS: [libc::c_int; 3] = [libc::AF_PACKET, libc::AF_NETLINK, libc::AF_UNIX];

/// Closes the process in; says how far.
pub(super) fn close_in() -> String {
    match restrict() {
        Ok(()) => "Starts no program, makes no connection, looks into no other process (seccomp).".into(),
        Err(reason) => format!("seccomp does not hold: {reason}."),
    }
}

#[cfg(target_endian = "little")]
fn restrict() -> Result<(), String> {
    let program = program().map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

#[cfg(not(target_endian = "little"))]
fn restrict() -> Result<(), String> {
    Err("its rules are not written for this processor".into())
}

#[cfg(target_endian = "little")]
#[allow(clippy::useless_conversion)] // the numbers are narrower on some processors
fn program() -> Result<BpfProgram, BackendError> {
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().map(|call| (i64::from(*call), Vec::new())).collect();
    let others = SOCKETS.iter().map(|family| {
        let family = u64::try_from(*family).unwrap_or(u64::MAX);
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    });
    let others = SeccompRule::new(others.collect::<Result<_, _>>()?)?;
    rules.insert(i64::from(libc::SYS_socket), vec![others]);
    let eperm = u32::try_from(libc::EPERM).unwrap_or(1);
    let machine = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(eperm), machine)?.try_into()
}
