//! The stand-in for the national system, as a process beside the one that is measured.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// The stand-in in a process of its own; ends with this value.
pub struct Sandbox {
    process: Child,
    address: String,
}

impl Sandbox {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let mut process = Command::new(crate::measure::PROGRAM)
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let mut address = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut address).expect("its address");
        Self { process, address: address.trim().to_owned() }
    }

    /// A configuration that sends to it.
    pub fn configuration(&self, installation: u32) -> String {
        format!(
            "[ledger]\nurl = \"sqlite://state/rxdrop.db\"\ninstallation = {installation}\n\
             [log]\nlevel = \"warn\"\n\
             [[drop]]\nfolder = \"drop\"\nmappings = \"mappings\"\n\
             [destination.sespa]\nenvironment = \"sandbox\"\nbase_url = \"{}\"\n\
             client_id = {{ value = \"sandbox\" }}\nclient_secret = {{ value = \"sandbox\" }}\n\
             actor_reg_no = {{ value = \"00112233445566778899AABBCCDDEEFF\" }}\n",
            self.address,
        )
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
